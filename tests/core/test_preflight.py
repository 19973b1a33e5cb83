"""Warnings at the start of settings that cannot have their effect, with the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import Bench, small_config, train_small
from torch import nn

from asgml.core.balancer import Balancer
from asgml.core.training.length_warnings import too_short
from asgml.core.training.method_warnings import without_parts
from asgml.core.training.preflight import configuration_warnings
from asgml.storage.read.reader import Run

AV = ("audio", "visual")

PROBED = """
from asgml import Modulator
class Probed(Modulator):
    def observe(self, reading):
        pass
"""


def alerts(run: Run) -> list[str]:
    return [str(event.get("message")) for event in run.events if event.kind == "alert"]


@pytest.mark.parametrize("method", ["boost", "ogm_ge+boost"])
def test_probes_that_are_never_read_are_told_with_the_numbers(method: str, tmp_path: Path) -> None:
    _, run = train_small(tmp_path / "run", method=method, epochs=1, probe={"eval_freq": 20})
    assert alerts(run) == [
        "boost goes by the probes, which are first read at step 20, and the training has 4 steps: "
        "it is never guided; set probe.eval_freq below 4, or train longer"
    ]
    assert run.events[1].kind == "alert" and run.events[1].get("level") == "warning"
    assert (run.column("steps", "gain/visual") == 1).all() == (method == "boost")
    _, run = train_small(tmp_path / "shorter", method=method, epochs=1, probe={"eval_freq": 3})
    assert not alerts(run)


@pytest.mark.parametrize(
    ("method", "settings", "steps", "warned"),
    [
        ("boost", {}, 19, True),
        ("boost", {}, 20, True),  # an evaluation acts from the next step on
        ("boost", {}, 21, False),
        ("boost", {}, 0, False),
        ("boost", {"boost": {"signal": "probe_val"}}, 5, True),
        ("boost", {"boost": {"signal": "loss"}}, 5, False),
        ("asgml_v1", {"asgml_v1": {"signal": "both"}}, 5, True),
        ("asgml_v1", {"asgml_v1": {"signal": "dual"}}, 5, False),
        ("ogm_ge", {}, 5, False),
        ("baseline", {}, 5, False),
    ],
)
def test_only_what_goes_by_probes_is_warned_of(
    method: str, settings: dict[str, Any], steps: int, warned: bool
) -> None:
    config = small_config(method=method, probe={"eval_freq": 20}, **settings)
    found = [message for message in too_short(config, 3, steps) if "goes by the probes" in message]
    assert len(found) == warned


def test_a_modulator_of_the_user_that_observes_is_warned_of_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PROBED)
    config = small_config(modulator=f"{path}:Probed", probe={"eval_freq": 20})
    assert [message.split()[0] for message in too_short(config, 3, 12)] == ["probed"]


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        (
            3,
            [
                "ogm acts from epoch 3 on (counted from 0), and the training ends with epoch 2: "
                "it never acts; set ogm.first_epoch below 3, or train longer"
            ],
        ),
        (4, []),
        (0, []),
    ],
)
def test_a_window_that_never_opens_is_told(epochs: int, expected: list[str]) -> None:
    config = small_config(method="ogm+boost", ogm={"first_epoch": 3})
    assert too_short(config, epochs, 0) == expected


@pytest.mark.parametrize(
    ("length", "warned"),
    [({"epochs": 3, "steps_per_epoch": 4}, ["boost"]), ({"epochs": 3}, []), ({}, [])],
)
def test_the_balancer_warns_where_it_knows_its_length(
    length: dict[str, int], warned: Sequence[str], tmp_path: Path
) -> None:
    encoders = {m: nn.Linear(3, 2) for m in AV}
    head, labels = nn.Linear(4, 2), torch.tensor([0, 1, 0, 1])
    with Balancer(
        encoders, classes=2, widths=dict.fromkeys(AV, 2), head=head, run=tmp_path / "run", **length
    ) as balancer:
        balancer.begin_epoch(0)
        features = {m: encoder(torch.ones(4, 3)) for m, encoder in encoders.items()}
        logits = head(torch.cat(list(features.values()), dim=1))
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        balancer.step(features=features, logits=logits, labels=labels, loss=loss)
    assert [message.split()[0] for message in alerts(Run.open(tmp_path / "run"))] == warned


@pytest.mark.parametrize("pairing", ["split", "ablation", "heads"])
def test_mmpareto_without_heads_of_its_own_is_told(pairing: str) -> None:
    bench = Bench("mmpareto", AV, fusion={"alone": pairing}, mmpareto={"gamma": 2.5})
    found = configuration_warnings(bench.components.config, bench.model, 12)
    expected = (
        f"mmpareto with fusion.alone={pairing}: the two gradients of an encoder pass through the "
        "same weights and hardly ever conflict, and without a conflict mmpareto is uniform times "
        "2.5; it is published with heads of their own: set fusion.alone=heads"
    )
    assert found == ([] if pairing == "heads" else [expected])


def test_the_pairing_of_other_methods_is_not_warned_of() -> None:
    bench = Bench("uniform", AV)
    assert not configuration_warnings(bench.components.config, bench.model, 12)


@pytest.mark.parametrize(
    ("variant", "steps", "expected"),
    [
        (
            "code",
            12,
            [
                "asgml_v1 first renews tau at step 100, and the training has 12 steps: tau stays "
                "1, so no update is skipped and no gradient is old; "
                "set asgml_v1.eval_freq below 12, or train longer"
            ],
        ),
        ("code", 101, []),
        ("code", 0, []),
        ("paper", 12, []),
    ],
)
def test_a_tau_that_is_never_renewed_is_told(variant: str, steps: int, expected: list[str]) -> None:
    config = small_config(method="asgml_v1", asgml_v1={"variant": variant})
    assert too_short(config, 3, steps) == expected


def test_a_tau_of_another_method_is_not_told() -> None:
    assert not too_short(small_config(method="uniform"), 3, 12)


HEADLESS = (
    "{}.scope=encoder+head: no weights of this head belong to one modality, only the encoders are "
    "scaled; set {}.scope=encoder"
)


@pytest.mark.parametrize("kind", ["film", "gated"])
def test_a_head_without_a_modalitys_weights_is_told(kind: str) -> None:
    fusion = {"kind": kind, "alone": "ablation"}
    bench = Bench("mlb+cggm", AV, fusion=fusion, cggm={"direction": False})
    assert without_parts(bench.components.config, bench.model) == [HEADLESS.format("mlb", "mlb")]
    assert not without_parts(small_config(method="agm"), bench.model), "it acts on any fusion"
    paper = small_config(method="agm", agm={"variant": "paper"})
    assert without_parts(paper, bench.model) == [HEADLESS.format("agm", "agm")]


def test_heads_of_their_own_are_a_modalitys_weights() -> None:
    bench = Bench("mlb", AV, fusion={"kind": "film", "alone": "heads"})
    assert not without_parts(bench.components.config, bench.model)


def test_a_rate_of_its_own_is_no_heads() -> None:
    bench = Bench("mlb", AV, mlb={"via": "lr"})
    assert without_parts(bench.components.config, bench.model) == [
        "mlb.scope=encoder+head: with via=lr the head keeps its learning rate, only the encoders' "
        "are scaled; set mlb.scope=encoder"
    ]


@pytest.mark.parametrize("head", [True, False])
def test_an_own_loop_is_told_where_its_head_is_not_given(head: bool, tmp_path: Path) -> None:
    layer = nn.Linear(8, 3)
    with Balancer(
        {m: nn.Linear(4, 4) for m in AV},
        widths=dict.fromkeys(AV, 4),
        head=layer if head else None,
        classes=3,
        method="mlb",
        run=tmp_path / "run",
    ) as balancer:
        balancer.begin_epoch(0)
    assert alerts(Run.open(tmp_path / "run")) == ([] if head else [HEADLESS.format("mlb", "mlb")])


@pytest.mark.parametrize("own", [True, False])
def test_a_loop_that_gives_mmpareto_the_split_of_its_head_is_told_once(
    own: bool, tmp_path: Path
) -> None:
    encoders = {m: nn.Linear(3, 2) for m in AV}
    heads = {m: nn.Linear(2, 2) for m in AV}
    head, labels = nn.Linear(4, 2), torch.tensor([0, 1, 0, 1])
    with Balancer(
        encoders,
        classes=2,
        widths=dict.fromkeys(AV, 2),
        head=head,
        method="mmpareto",
        run=tmp_path / "run",
    ) as balancer:
        balancer.begin_epoch(0)
        for _ in range(2):
            features = {m: encoder(torch.ones(4, 3)) for m, encoder in encoders.items()}
            logits = head(torch.cat(list(features.values()), dim=1))
            loss = nn.functional.cross_entropy(logits, labels)
            unimodal = {m: heads[m](features[m]) for m in AV} if own else None
            seen = {"features": features, "logits": logits, "labels": labels}
            terms = balancer.loss(**seen, task_loss=loss, unimodal_logits=unimodal)
            (loss + terms).backward()
            balancer.step(**seen, loss=loss, unimodal_logits=unimodal)
    found = alerts(Run.open(tmp_path / "run"))
    assert [message.partition(":")[0] for message in found] == (
        [] if own else ["mmpareto with the split of head="]
    )
    assert own or found[0].endswith("give unimodal_logits of such heads to loss and step")
