"""ASGML v1: learning speeds, masks, signals, staleness, tracked gradients by loops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import (
    Bench,
    gradients,
    make_trainer,
    reading,
    small_config,
    small_data,
    train,
    train_small,
)
from methods_kit import AV, inner, near, nudge
from torch import Tensor
from torch.nn import functional

from asgml.core.methods.spec import MethodError
from asgml.core.modulators.asgml_v1 import periods, staleness_factor, updates
from asgml.core.modulators.learning_speed import (
    clamp,
    learning_speeds,
    over_weakest,
    relative,
)
from asgml.core.types import Batch


def test_the_learning_speeds_of_asgml_v1() -> None:
    assert relative([2, 1]) == near([1.333333, 0.666667])
    assert relative([0.3, 0.1]) == near([1.5, 0.5])
    speeds = learning_speeds([2, 1], [0.3, 0.1], 0.5)
    assert speeds == near([1.416667, 0.583333])
    taus = clamp([2 * s for s in speeds], 1, 8)
    assert taus == near([2.833333, 1.166667])
    assert periods(taus, 3) == [3, 1]


def masks(period: Sequence[int], phase: int = 0, steps: int = 6) -> list[str]:
    rows = [updates(t, period, phase) for t in range(steps)]
    return ["".join(str(int(row[i])) for row in rows) for i in range(len(period))]


def test_the_masks_of_asgml_v1() -> None:
    assert masks([3, 1]) == ["100100", "111111"]
    assert masks([2, 2]) == ["101010", "101010"]
    assert masks([2, 2], phase=1) == ["101010", "010101"], "a phase lets them take turns"
    assert masks([3, 3, 3], phase=1) == ["100100", "001001", "010010"]
    assert periods(clamp([3.6, 0.4], 1, 8), 3) == [3, 1]
    assert periods([8.0, 8.0], 3) == [8, 8]
    assert periods([2.5, 3.5, 0.2], 8) == [2, 4, 1], "halves go to the even neighbour"


def test_nothing_to_compare_means_equal_speeds() -> None:
    assert relative([0.0, 0.0]) == [1, 1]
    assert learning_speeds([0.0, 0.0], [0.0, 0.0], 0.5) == [1, 1]
    assert over_weakest([0.0, 3.0]) == [1, 1]
    assert over_weakest([3.0, 1.5]) == [2, 1]


@pytest.mark.parametrize(
    ("staleness", "expected"), [(0, 1), (1, 0.909091), (2, 0.833333), (4, 0.714286)]
)
def test_old_gradients_are_shortened(staleness: int, expected: float) -> None:
    """The quotient: the product of the design document would lengthen them."""
    assert staleness_factor(staleness, 0.1) == near(expected)


def test_equal_speeds_skip_the_same_steps(tmp_path: Path) -> None:
    """Both encoders skip every second step together: the reason why the method does so little."""
    _, run = train_small(
        tmp_path / "run", method="asgml_v1", optimizer={"weight_decay": 0, "momentum": 0}
    )
    gains = [run.column("steps", f"gain/{m}").tolist() for m in AV]
    assert gains[0] == gains[1] == [1.0, 0.0] * 6
    assert all(run.column("steps", f"tau/{m}").tolist() == [2.0] * 12 for m in AV)


def test_a_skipped_update_moves_no_encoder_but_the_fusion(tmp_path: Path) -> None:
    config = small_config(method="asgml_v1", epochs=1, optimizer={"weight_decay": 0, "momentum": 0})
    trainer = make_trainer(tmp_path / "run", small_data(), config)
    step, moved = trainer.step, []

    def watched(batch: Batch) -> Any:
        before = {
            name: parameter.detach().clone()
            for name, parameter in trainer.components.model.named_parameters()
        }
        forward = step(batch)
        changed = {
            name.split(".")[0]
            for name, p in trainer.components.model.named_parameters()
            if not torch.equal(p, before[name])
        }
        moved.append(changed)
        return forward

    trainer.step = watched  # type: ignore[method-assign]
    train(trainer)
    assert moved == [{"_encoders", "fusion"}, {"fusion"}] * 2


def test_the_signals_of_asgml_v1_by_hand() -> None:
    """Norms 2 and 1, unimodal losses that fall by 0.3 and 0.1, utilizations 0.9 and 0.6."""
    for signal, is_relative, expected in [
        ("dual", True, [2 * (0.5 * 4 / 3 + 0.5 * 1.5), 2 * (0.5 * 2 / 3 + 0.5 * 0.5)]),
        ("probe", True, [2 * 0.9 / 0.75, 2 * 0.6 / 0.75]),
        ("both", True, [0.5 * 2 * (0.5 * 4 / 3 + 0.75) + 1, 0.5 * 2 * (1 / 3 + 0.25) + 2 / 3]),
        ("dual", False, [2, 1]),
        ("probe", False, [1.5, 1]),
        ("both", False, [1.75, 1]),
    ]:
        bench = Bench("asgml_v1", AV, asgml_v1={"signal": signal, "relative": is_relative})
        method = inner(bench, "asgml_v1")
        method.observe(reading({"audio": 0.9, "visual": 0.6}))
        for t in range(3):
            method.tracker.track(
                torch.tensor([2.0, 1.0]), torch.tensor([1.0 - 0.15 * t, 1.0 + 0.05 * t])
            )
        assert method.tracker.taus(method.options) == pytest.approx(
            [max(tau, 1) for tau in expected], rel=1e-5
        ), (signal, is_relative)


def test_close_probes_call_for_no_intervention() -> None:
    bench = Bench("asgml_v1", AV, asgml_v1={"signal": "probe"})
    tracker, options = inner(bench, "asgml_v1").tracker, inner(bench, "asgml_v1").options
    tracker.utilization = [0.69, 0.6]
    assert tracker.taus(options) == [1, 1]
    tracker.utilization = [0.71, 0.6]
    assert tracker.taus(options) != [1, 1]


def test_asgml_v1_tracks_the_gradients_that_are_used_by_loops() -> None:
    bench = Bench("asgml_v1", AV, asgml_v1={"eval_freq": 4, "soft_mask_scale": 0.5, "tau_max": 4})
    method = inner(bench, "asgml_v1")
    norms, losses, taus = {m: 0.0 for m in AV}, {m: [] for m in AV}, {m: 2.0 for m in AV}  # type: ignore[var-annotated]
    for t in range(12):
        backward = bench.look_back()
        rounded = {m: round(taus[m]) for m in AV}
        modulation = bench.modulator.modulate(backward)
        for m in AV:
            period = max(
                min(rounded[m], math.floor(3 * min(max(r, 1) for r in rounded.values()))), 1
            )
            gain = 1.0 if t % period == 0 else 0.5
            assert float(modulation.gain(m)) == gain, t
            norms[m] = 0.1 * gain * float(backward.norms[m]) + 0.9 * norms[m]
            losses[m].append(
                float(
                    functional.cross_entropy(
                        backward.forward.unimodal_logits[m], backward.forward.labels
                    )
                )
            )
        if (t + 1) % 4 == 0:
            descents = {m: abs(losses[m][-10:][0] - losses[m][-1]) for m in AV}
            for m in AV:
                g, d = (
                    norms[m] / (sum(norms.values()) / 2),
                    descents[m] / (sum(descents.values()) / 2),
                )
                taus[m] = min(max(2 * (0.5 * g + 0.5 * d), 1.0), 4.0)
        assert method.taus == pytest.approx([taus[m] for m in AV], rel=1e-3)
        nudge(bench, 1.05)
    assert round(taus["audio"]) != round(taus["visual"]), (
        "the speeds do not part: the test sees nothing"
    )


def test_the_unimodal_loss_of_a_skipped_modality_is_dropped() -> None:
    bench = Bench("asgml_v1", AV, asgml_v1={"gamma": 0.7})
    method = inner(bench, "asgml_v1")
    forward = bench.look_back().forward
    own = {
        m: float(functional.cross_entropy(forward.unimodal_logits[m], forward.labels)) for m in AV
    }
    method.taus = [3.0, 1.0]
    for step, expected in [
        (0, own["audio"] + own["visual"]),
        (1, own["visual"]),
        (2, own["visual"]),
        (3, own["audio"] + own["visual"]),
    ]:
        method.tracker.step = step
        assert float(bench.modulator.loss(forward)) == pytest.approx(0.7 * expected, rel=1e-6)
    method.taus, method.tracker.step = [2.0, 2.0], 1
    assert bench.modulator.loss(forward) == 0.0


def test_staleness_uses_the_gradients_of_the_past() -> None:
    """audio of two steps ago (at first the oldest kept), visual of now; no loss is dropped."""
    bench = Bench("asgml_v1", AV, asgml_v1={"mode": "staleness", "gamma": 1.0})
    inner(bench, "asgml_v1").taus = [3.0, 1.0]
    past: list[dict[str, Tensor]] = []
    for t in range(5):
        backward = bench.look_back()
        past.append(gradients(bench.model))
        modulation = bench.modulator.modulate(backward)
        bench.apply(modulation)
        age = min(t, 2)
        assert (
            float(modulation.gain("audio")) == near(1 / (1 + 0.1 * age))
            and float(modulation.gain("visual")) == 1
        )
        now = gradients(bench.model)
        for name in now:
            expected = (
                past[t - age][name] / (1 + 0.1 * age)
                if name.startswith("_encoders.0.")
                else past[t][name]
            )
            torch.testing.assert_close(now[name], expected, rtol=1e-6, atol=0)
        assert not t or not torch.equal(
            past[t]["_encoders.0.network.0.weight"], past[t - 1]["_encoders.0.network.0.weight"]
        )
        own = [
            float(functional.cross_entropy(z, backward.forward.labels))
            for z in backward.forward.unimodal_logits.values()
        ]
        assert float(bench.modulator.loss(backward.forward)) == pytest.approx(sum(own), rel=1e-6)
        nudge(bench, 1.1)
    assert len(inner(bench, "asgml_v1").queues["audio"]) == 5


def test_the_queue_of_old_gradients_is_no_longer_than_the_largest_tau() -> None:
    bench = Bench("asgml_v1", AV, asgml_v1={"mode": "staleness", "tau_max": 3})
    for _ in range(6):
        bench.modulate()
    assert [len(queue) for queue in inner(bench, "asgml_v1").queues.values()] == [3, 3]


@pytest.mark.parametrize("signal", ["probe", "both"])
def test_asgml_v1_refuses_to_be_guided_by_probes_that_are_off(signal: str) -> None:
    with pytest.raises(MethodError, match=rf"signal={signal} needs the probes.*signal=dual"):
        Bench("asgml_v1", AV, probe={"enabled": False}, asgml_v1={"signal": signal})
    assert Bench("asgml_v1", AV, probe={"enabled": False}).modulate().acts
