"""Combinations of methods: those allowed, and what every method leaves alone in any of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from core_kit import (
    Bench,
    assert_same_bits,
    gradients,
    make_trainer,
    small_config,
    small_data,
    train_small,
)
from methods_kit import ACTIVE, AV

from asgml.core.config.run_config import ConfigError
from asgml.core.methods.registry import RegistryError, parse_method


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ogm+ogm_ge", "ogm and ogm_ge both throttle"),
        ("ogm_star+pmr_acc", "both accelerate"),
        ("mlb+ogm", "both throttle"),
        ("pmr_acc+mlb", "both accelerate"),
        ("uniform+mlb", "both add the unimodal losses"),
        ("uniform+arl", "both add the unimodal losses"),
        ("baseline+opm", "composes with nothing"),
        ("boost+boost", "named twice"),
    ],
)
def test_two_that_do_the_same_are_refused(text: str, reason: str) -> None:
    with pytest.raises(RegistryError, match=reason):
        parse_method(text)


@pytest.mark.parametrize(
    "text",
    ["ogm_ge+pmr_acc", "opm+ogm", "uniform+ogm_ge+boost", "cggm+boost", "arl+mslr", "mlb+boost"],
)
def test_these_go_together(text: str) -> None:
    assert Bench(text, AV).modulate() is not None


def test_a_run_has_one_rule_of_kernels() -> None:
    with pytest.raises(ConfigError, match=r"ogm\.params=all, pmr_acc\.params=auto"):
        small_config(method="ogm+pmr_acc", ogm={"params": "all"})


@pytest.mark.parametrize("kind", ["film", "gated"])
@pytest.mark.parametrize("method", ["agm", "mmpareto", "pmr", "g_blending", "inforeg", "asgml_v1"])
def test_a_fusion_that_is_not_linear_gives_no_nan(method: str, kind: str) -> None:
    bench = Bench(method, AV, fusion={"kind": kind, "alone": "ablation"})
    bench.apply(bench.modulate())
    assert gradients(bench.model)
    assert all(bool(gradient.isfinite().all()) for gradient in gradients(bench.model).values())


@pytest.mark.parametrize(
    "case",
    [
        "agm",
        "mmpareto",
        "pmr",
        "g_blending",
        "relearning",
        "inforeg",
        "asgml_v1",
        "asgml_v1 by staleness",
        "asgml_v1 of the paper",
    ],
)
def test_a_frozen_encoder_stays_where_it_is(case: str, tmp_path: Path) -> None:
    method = case.split()[0]
    trainer, _ = train_small(
        tmp_path / "run", method=method, freeze=["audio"], **{method: ACTIVE[case]}
    )
    begun = make_trainer(tmp_path / "begun", small_data(), trainer.config, silent=True)
    ours, theirs = (each.components.model.encoders for each in (trainer, begun))
    assert_same_bits(ours["audio"].state_dict(), theirs["audio"].state_dict())
    assert any(
        not torch.equal(p, q)
        for p, q in zip(ours["visual"].parameters(), theirs["visual"].parameters(), strict=True)
    )
