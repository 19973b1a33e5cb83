"""The boost: gap scale, dead band, schedules, signals, validation probes, resuming."""

from __future__ import annotations

import math
from typing import Any

import pytest
from core_kit import (
    Bench,
    assert_same_bits,
    reading,
    small_config,
    small_data,
    through_a_file,
    weights,
)
from methods_kit import AV, example, near

from asgml.core.config.run_config import ConfigError
from asgml.core.modulators.boost_scheduler import gap_strength
from asgml.core.modulators.signals import batch_signal, correction


def boosted(gaps: list[float], **options: Any) -> list[float]:
    """The visual scale after each of these gaps between audio and visual."""
    bench = Bench("boost", AV, boost={"ema_alpha": 1, **options})
    scales = []
    for gap in gaps:
        bench.modulator.observe(reading({"audio": 0.3 + gap, "visual": 0.3}))
        scales.append(float(bench.modulate().gain("visual")))
    return scales


def test_without_options_the_gap_does_not_count() -> None:
    assert boosted([0.001, 0.01, 0.4]) == pytest.approx([1.5, 1.5, 1.5])


def test_without_options_the_scales_are_those_of_the_document_bit_for_bit() -> None:
    """A factor that is not exactly 1 would show in the last bit of the smoothed weakness."""
    bench = Bench("boost", AV, begun=False, boost={"alpha": 0.7, "ema_alpha": 0.3})
    weakness = 0.3 * 1.0 + 0.7 * 0.0  # a bench has seen one reading, with visual the weak one
    for i, weak in enumerate([1.0, 1.0, 0.0, 1.0, 0.0]):
        assert float(bench.modulate().gain("visual")) == 1 + 0.7 * weakness
        bench.modulator.observe(reading({"audio": 0.3 + 0.01 * i if weak else 0.1, "visual": 0.2}))
        weakness = 0.3 * weak + (1 - 0.3) * weakness


def test_with_a_gap_scale_the_boost_grows_with_the_gap() -> None:
    assert boosted([0.0, 0.05, 0.1, 0.2, 0.4], gap_scale=0.2) == pytest.approx(
        [1, 1.125, 1.25, 1.5, 1.5]
    )


def test_in_the_dead_band_nothing_is_boosted() -> None:
    assert boosted([0.03, 0.05, 0.049], dead_band=0.05 - 1e-9) == pytest.approx([1, 1.5, 1])
    assert gap_strength(0.1, 0.4, 0.2) == 0 and gap_strength(0.3, 0.4, 0.2) == pytest.approx(0.75)


def test_the_utilization_is_corrected_for_its_start() -> None:
    """After one reading an average of rate 0.1 holds a tenth of the value, as does the gap."""
    assert correction(1, 0.1) == pytest.approx(10) and correction(5, 0.1) * 0.245706 == near(0.6)
    bench = Bench(
        "boost",
        AV,
        begun=False,
        boost={"ema_alpha": 1, "gap_scale": 0.4, "bias_corrected": True},
    )
    boost: Any = bench.modulator.members["boost"].inner
    boost.average.count = 0
    bench.modulator.begin_epoch(0)
    bench.modulator.observe(reading({"audio": 0.04, "visual": 0.02}))
    assert float(bench.modulate().gain("visual")) == pytest.approx(1 + 0.5 * 0.2 / 0.4)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1.5] * 4),
        ("linear", [1.5, 1.375, 1.25, 1.125]),
        ("cosine", [1.5, 1.426777, 1.25, 1.073223]),
    ],
)
def test_alpha_follows_its_schedule(schedule: str, expected: list[float]) -> None:
    bench = Bench("boost", AV, epochs=4, boost={"ema_alpha": 1, "schedule": schedule})
    seen = []
    for epoch in range(4):
        bench.modulator.begin_epoch(epoch)
        bench.modulator.observe(reading({"audio": 0.7, "visual": 0.4}))
        seen.append(float(bench.modulate().gain("visual")))
    assert seen == near(expected)


def test_alpha_follows_the_gap() -> None:
    assert boosted([0.2, 0.4, 0.1], schedule="gap") == pytest.approx([1.5, 1.5, 1.125])


@pytest.mark.parametrize(
    ("kind", "audio"),
    [
        ("discrepancy", 1.363103 / 2),
        ("grad_norm", 0.75),
        ("loss", math.sqrt(math.exp(2) / (math.exp(2) + 2) * math.exp(1) / (math.exp(1) + 2))),
    ],
)
def test_the_signals_without_probes(kind: str, audio: float) -> None:
    found = batch_signal(kind, example())
    assert found["audio"] == near(audio) and found["audio"] > found["visual"]


@pytest.mark.parametrize("signal", ["discrepancy", "grad_norm", "loss"])
def test_a_boost_without_probes_boosts_the_weak(signal: str) -> None:
    bench = Bench("boost", AV, probe={"enabled": False}, boost={"signal": signal, "ema_alpha": 1})
    for parameter in bench.model.encoders["visual"].parameters():
        parameter.data.mul_(0.1)
    before = bench.modulate()
    after = bench.modulate()
    assert [float(before.gain(m)) for m in AV] == [1, 1], (
        "what a step shows acts from the next one on"
    )
    weak = min(AV, key=batch_signal(signal, bench.look_back()).__getitem__)
    assert {m: float(after.gain(m)) for m in AV} == {m: 1.5 if m == weak else 1 for m in AV}


def test_a_boost_by_probes_is_refused_without_them() -> None:
    for signal in ("probe", "probe_val"):
        with pytest.raises(ConfigError, match=r"probe\.enabled=false"):
            small_config(method="boost", boost={"signal": signal}, probe={"enabled": False})


def test_probes_on_validation_samples() -> None:
    """The score is the probes' accuracy on drawn samples; model and batch norm do not change."""
    data = small_data(AV)
    bench = Bench(
        "boost", AV, data=data, boost={"signal": "probe_val", "val_samples": 5, "ema_alpha": 1}
    )
    boost: Any = bench.modulator.members["boost"].inner
    before = weights(bench.trainer)
    assert bench.model.training
    slow = {}
    bench.model.eval()
    for m in AV:
        right = 0
        for i in boost.samples.tolist():
            feature = bench.model.encoders[m](data.splits["val"].inputs[m][i : i + 1])
            right += int(bench.balancing.probes.networks[m](feature).argmax()) == int(
                data.splits["val"].labels[i]
            )  # type: ignore[union-attr]
        slow[m] = right / 5
    bench.model.train()
    past = dict(boost.average.values)
    bench.modulator.observe(reading({"audio": 0.0, "visual": 1.0}))
    assert boost.average.values == pytest.approx({m: 0.1 * slow[m] + 0.9 * past[m] for m in AV})
    assert bench.model.training
    assert_same_bits(weights(bench.trainer), before)
    assert len(set(boost.samples.tolist())) == 5


@pytest.mark.parametrize(
    "options",
    [
        {"signal": "discrepancy"},
        {"signal": "probe_val"},
        {"schedule": "gap", "bias_corrected": True},
    ],
)
def test_the_boost_resumes_where_it_was(options: dict[str, Any]) -> None:
    ours, theirs = Bench("boost", AV, boost=options), Bench("boost", AV, boost=options)
    for i in range(3):
        ours.modulate()
        ours.modulator.observe(reading({"audio": 0.2 * i, "visual": 0.1}))
    theirs.modulator.load_state_dict(through_a_file(ours.modulator.state_dict()))
    for gap in (0.1, 0.3):
        for bench in (ours, theirs):
            bench.modulator.observe(reading({"audio": 0.1 + gap, "visual": 0.1}))
        assert [float(ours.modulate().gain(m)) for m in AV] == [
            float(theirs.modulate().gain(m)) for m in AV
        ]
