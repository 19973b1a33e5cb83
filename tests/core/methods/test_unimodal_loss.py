"""Methods that add the unimodal losses: their sum, auxiliary heads, a loss added twice."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import Bench, make_trainer, modalities, small_config, small_data, train_small, weights
from methods_kit import AV

from asgml.core.config.run_config import ConfigError
from asgml.core.training.preflight import configuration_warnings


@pytest.mark.parametrize("method", ["uniform", "mlb"])
def test_the_unimodal_losses_are_added(method: str) -> None:
    bench = Bench(method, modalities(3), **{method: {"gamma": 0.7}})
    forward = bench.look_back().forward
    slow = 0.0
    for logits in forward.unimodal_logits.values():
        for row, label in zip(logits.tolist(), forward.labels.tolist(), strict=True):
            slow += math.log(sum(math.exp(value - row[label]) for value in row)) / len(
                forward.labels
            )
    loss: Any = bench.modulator.loss(forward)
    assert loss.item() == pytest.approx(0.7 * slow, rel=1e-5)


@pytest.mark.parametrize("method", ["uniform", "mlb"])
def test_their_losses_train_auxiliary_heads(method: str, tmp_path: Path) -> None:
    trainer, _ = train_small(tmp_path / "run", method=method, fusion={"alone": "heads"}, epochs=1)
    fresh = make_trainer(
        tmp_path / "fresh",
        small_data(),
        small_config(method=method, fusion={"alone": "heads"}),
        silent=True,
    )
    heads = [name for name in weights(fresh) if name.startswith("fusion.heads")]
    assert heads and all(
        not torch.equal(weights(trainer)[name], weights(fresh)[name]) for name in heads
    )
    with pytest.raises(ConfigError, match=r"heads would never be trained"):
        small_config(method="ogm", fusion={"alone": "heads"})


def test_unimodal_losses_that_are_added_twice_come_with_a_warning() -> None:
    for method, gamma, warned in [
        ("mmpareto", 0.5, True),
        ("mmpareto", 0.0, False),
        ("pmr", 0.5, False),
        ("g_blending+agm", 1.0, True),
    ]:
        bench = Bench(method, AV, loss={"gamma": gamma})
        warnings = [
            message
            for message in configuration_warnings(bench.components.config, bench.model, 12)
            if "once more" in message
        ]
        assert [message.split()[0] for message in warnings] == [method.split("+")[0]] * warned
