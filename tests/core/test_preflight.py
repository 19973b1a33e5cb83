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
from asgml.core.model.schedule import learning_rate
from asgml.core.modulators.relearning import is_due
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


@pytest.mark.parametrize(
    ("variant", "start", "epochs", "remedy"),
    [
        ("code", 20, 20, "set relearning.start to 18 or less, or train longer"),
        ("code", 20, 21, "set relearning.start to 19 or less, or train longer"),
        ("code", 20, 22, None),
        ("paper", 20, 20, "set relearning.start to 19 or less, or train longer"),
        ("paper", 20, 21, None),
        ("code", 0, 1, "it resets nothing; train longer"),
        ("code", 20, 0, None),
    ],
)
def test_encoders_that_are_never_reset_are_told(
    variant: str, start: int, epochs: int, remedy: str | None
) -> None:
    config = small_config(method="relearning", relearning={"variant": variant, "start": start})
    found = too_short(config, epochs, 0)
    # the same from the method itself: one of its resets falls into the training
    is_reset = any(is_due(e, start + (variant == "code"), 20, 3) for e in range(epochs))
    assert bool(found) == (remedy is not None) == (epochs > 0 and not is_reset)
    if remedy:
        assert found[0].startswith("relearning first resets the encoders at the beginning of epoch")
        assert found[0].endswith(remedy)


@pytest.mark.parametrize(("start", "epochs", "warned"), [(5, 6, True), (5, 7, False), (-1, 1, 0)])
def test_an_arl_that_scales_no_gradient_is_told(start: int, epochs: int, warned: bool) -> None:
    config = small_config(method="arl", arl={"start_epoch": start})
    expected = [
        "arl.start_epoch=5: gains are 1 up to this epoch (counted from 0), and the training ends "
        "with epoch 5: no gradient is scaled, and of arl only its unimodal losses act, with weight "
        "1; set arl.start_epoch below 5, or train longer"
    ]
    assert too_short(config, epochs, 0) == (expected if warned else [])


@pytest.mark.parametrize("start", [0, 1])
def test_the_warning_of_arl_is_true(start: int, tmp_path: Path) -> None:
    _, run = train_small(tmp_path / "run", method="arl", epochs=2, arl={"start_epoch": start})
    assert len(alerts(run)) == start
    assert (run.column("steps", "gain/audio") == 1).all() == (start == 1)
    assert (run.column("steps", "loss") > run.column("steps", "task_loss")).all()


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({"variant": "keep"}, True),
        ({"variant": "smooth"}, True),
        ({"variant": "smooth", "factors": "audio=1, visual=1.0"}, True),
        ({"variant": "keep", "factors": "visual=1.1"}, False),
        ({"variant": "dynamic"}, False),
    ],
)
def test_learning_rates_that_are_all_the_same_are_told(
    settings: dict[str, Any], warned: bool
) -> None:
    bench = Bench("mslr", AV, mslr=settings)
    rates = bench.modulate().rates
    assert not warned or set(rates.values()) == {1.0}
    expected = (
        f"mslr.variant={settings['variant']} with a factor of 1 for every modality: all encoders "
        "keep the learning rate; set mslr.factors, such as audio=0.9, or mslr.variant=dynamic"
    )
    found = configuration_warnings(bench.components.config, bench.model, 12)
    assert found == ([expected] if warned else [])


@pytest.mark.parametrize(("steps", "warned"), [(11, True), (12, True), (13, False), (0, False)])
def test_a_warmup_as_long_as_the_training_is_told(steps: int, warned: bool) -> None:
    bench = Bench("baseline", AV, optimizer={"warmup_steps": 12})
    found = configuration_warnings(bench.components.config, bench.model, steps)
    assert found == (
        [
            f"optimizer.warmup_steps=12: the training has {steps} steps and ends within the "
            f"warm-up; set optimizer.warmup_steps below {steps}, or train longer"
        ]
        if warned
        else []
    )


@pytest.mark.parametrize("schedule", ["cosine", "step"])
@pytest.mark.parametrize(("lowest", "warned"), [(0.02, True), (0.01, True), (0.009, False)])
def test_a_rate_that_cannot_fall_is_told(schedule: str, lowest: float, warned: bool) -> None:
    optimizer = {"lr": 0.01, "min_lr": lowest, "schedule": schedule, "decay_every": 1}
    bench = Bench("baseline", AV, epochs=3, optimizer=optimizer)
    config = bench.components.config
    rates = {learning_rate(config, 0.01, epoch=epoch, step=0) for epoch in range(3)}
    assert (len(rates) == 1) == warned, "the warning is true"
    expected = (
        f"optimizer.min_lr={lowest:g} with optimizer.lr=0.01: the {schedule} schedule has nothing "
        "to fall by, the rate stays 0.01; set optimizer.min_lr below optimizer.lr"
    )
    found = configuration_warnings(config, bench.model, 12)
    assert found == ([expected] if warned else [])
