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
from asgml.core.modulators.asgml_v1 import periods, staleness_factor, stalenesses, updates
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


@pytest.mark.parametrize(
    ("taus", "kappa", "expected"),
    [
        ([2.833333, 1.166667], 3, [2, 0]),
        ([6.0, 1.0], 3, [3, 0]),  # the least counts as 1, so 5 becomes 3
        ([8.0, 3.0], 3, [6, 2]),
        ([8.0, 3.0], 8, [7, 2]),
        ([8.0, 3.0, 2.4], 2.5, [2, 2, 1]),
        ([1.0, 1.0], 3, [0, 0]),
    ],
)
def test_staleness_is_limited_by_kappa(
    taus: list[float], kappa: float, expected: list[int]
) -> None:
    assert stalenesses(taus, kappa) == expected


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
        tmp_path / "run",
        method="asgml_v1",
        asgml_v1={"variant": "paper"},
        optimizer={"weight_decay": 0, "momentum": 0},
    )
    gains = [run.column("steps", f"gain/{m}").tolist() for m in AV]
    assert gains[0] == gains[1] == [1.0, 0.0] * 6
    assert all(run.column("steps", f"tau/{m}").tolist() == [2.0] * 12 for m in AV)


def test_a_skipped_update_moves_no_encoder_but_the_fusion(tmp_path: Path) -> None:
    config = small_config(
        method="asgml_v1",
        asgml_v1={"variant": "paper"},
        epochs=1,
        optimizer={"weight_decay": 0, "momentum": 0},
    )
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


def slow_taus(
    norms: dict[str, float], losses: dict[str, list[float]], base: float, most: float
) -> dict[str, float]:
    """Return tau_m = clamp(base * (G_m + D_m) / 2, 1, most), from scratch."""
    descents = {m: abs(losses[m][-10:][0] - losses[m][-1]) for m in norms}
    found = {}
    for m in norms:
        g = norms[m] / (sum(norms.values()) / len(norms))
        d = descents[m] / (sum(descents.values()) / len(norms))
        found[m] = min(max(base * (0.5 * g + 0.5 * d), 1.0), most)
    return found


def own_losses(backward: Any) -> dict[str, float]:
    logits, labels = backward.forward.unimodal_logits, backward.forward.labels
    return {m: float(functional.cross_entropy(z.detach(), labels)) for m, z in logits.items()}


@pytest.mark.parametrize(("variant", "first"), [("code", 1.0), ("paper", 2.0)])
def test_frequency_by_loops(variant: str, first: float) -> None:
    """Raw norms are tracked: those of a masked step count as if it were not."""
    options = {"variant": variant, "eval_freq": 4, "soft_mask_scale": 0.5, "tau_max": 4}
    bench = Bench("asgml_v1", AV, asgml_v1=options)
    method = inner(bench, "asgml_v1")
    norms, losses, taus = {m: 0.0 for m in AV}, {m: [] for m in AV}, {m: first for m in AV}  # type: ignore[var-annotated]
    gains = []
    for t in range(12):
        backward = bench.look_back()
        rounded = {m: round(taus[m]) for m in AV}
        modulation = bench.modulator.modulate(backward)
        for m in AV:
            period = max(
                min(rounded[m], math.floor(3 * min(max(r, 1) for r in rounded.values()))), 1
            )
            gains.append(1.0 if t % period == 0 else 0.5)
            assert float(modulation.gain(m)) == gains[-1], t
            norms[m] = 0.1 * float(backward.norms[m]) + 0.9 * norms[m]
            losses[m].append(own_losses(backward)[m])
        if (t + 1) % 4 == 0:
            taus = slow_taus(norms, losses, base=2, most=4)
        assert method.taus == pytest.approx([taus[m] for m in AV], rel=1e-3)
        nudge(bench, 1.05)
    assert (gains[:8] == [1.0] * 8) == (variant == "code"), "tau starts at 1: nothing is skipped"
    assert 0.5 in gains, "nothing is skipped: the test sees nothing"
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


def slow_stale(
    variant: str, past: list[dict[str, Tensor]], staleness: int
) -> tuple[dict[str, Tensor], float]:
    """Return the gradients that a step gets, and their factor, from all gradients so far.

    As released: the buffer has taken the present gradient before its `staleness`-th from the end is
    read; where there is none, nothing is replaced or scaled.
    """
    if variant == "code":
        buffer = []
        for each in past:
            buffer.append(each)
        if staleness <= 0 or len(buffer) < staleness:
            return past[-1], 1.0
        return buffer[-staleness], 1 / (1 + 0.1 * staleness)
    now = len(past) - 1
    age = staleness if staleness <= now else now
    return past[now - age], 1 / (1 + 0.1 * age)


@pytest.mark.parametrize("variant", ["code", "paper"])
@pytest.mark.parametrize(
    ("taus", "staleness"),
    [([3.0, 1.0], (2, 0)), ([2.0, 4.0], (1, 3)), ([7.0, 1.0], (3, 0)), ([1.0, 1.0], (0, 0))],
)
def test_staleness_uses_the_gradients_of_the_past(
    variant: str, taus: list[float], staleness: tuple[int, int]
) -> None:
    """No unimodal loss is dropped."""
    options = {"variant": variant, "mode": "staleness", "gamma": 1.0}
    bench = Bench("asgml_v1", AV, asgml_v1=options)
    inner(bench, "asgml_v1").taus = taus
    past: list[dict[str, Tensor]] = []
    for t in range(6):
        backward = bench.look_back()
        past.append(gradients(bench.model))
        modulation = bench.modulator.modulate(backward)
        bench.apply(modulation)
        now = gradients(bench.model)
        for i, m in enumerate(AV):
            old, factor = slow_stale(variant, past, staleness[i])
            assert float(modulation.gain(m)) == near(factor)
            for name in now:
                if name.startswith(f"_encoders.{i}."):
                    torch.testing.assert_close(now[name], old[name] * factor, rtol=1e-6, atol=0)
        heads = [name for name in now if not name.startswith("_encoders.")]
        assert heads and all(torch.equal(now[name], past[t][name]) for name in heads)
        assert not t or not torch.equal(
            past[t]["_encoders.0.network.0.weight"], past[t - 1]["_encoders.0.network.0.weight"]
        )
        own = own_losses(backward)
        assert float(bench.modulator.loss(backward.forward)) == pytest.approx(
            sum(own.values()), rel=1e-6
        )
        nudge(bench, 1.1)
    assert len(inner(bench, "asgml_v1").queues["audio"]) == 6


@pytest.mark.parametrize("variant", ["code", "paper"])
def test_staleness_tracks_raw_norms_by_loops(variant: str) -> None:
    """tau of its renewals, from the norms of the present gradients, not of the replaced ones."""
    options = {"variant": variant, "mode": "staleness", "eval_freq": 3, "tau_base": 3}
    bench = Bench("asgml_v1", AV, asgml_v1=options)
    norms, losses = {m: 0.0 for m in AV}, {m: [] for m in AV}  # type: ignore[var-annotated]
    for t in range(9):
        backward = bench.look_back()
        bench.modulator.modulate(backward)
        for m, loss in own_losses(backward).items():
            norms[m] = 0.1 * float(backward.norms[m]) + 0.9 * norms[m]
            losses[m].append(loss)
        nudge(bench, 1.05)
        if (t + 1) % 3 == 0:
            taus = slow_taus(norms, losses, base=3, most=8)
            assert inner(bench, "asgml_v1").taus == pytest.approx([*taus.values()], rel=1e-3)


def test_a_state_of_0_1_0_is_taken() -> None:
    """It has the same keys, with tau_base before the first renewal."""
    bench = Bench("asgml_v1", AV, asgml_v1={"mode": "staleness"})
    method = inner(bench, "asgml_v1")
    assert set(method.state_dict()) == {"tracker", "taus", "queues"}
    assert set(method.state_dict()["tracker"]) == {"step", "norms", "losses", "utilization"}
    method.load_state_dict({**method.state_dict(), "taus": [2.0, 2.0]})
    assert float(bench.modulate().gain("audio")) == near(1 / 1.1)


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
