"""The gap between modalities: its standard error against simulation, and when it is none."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import tiny_manifest

from asgml.storage.format.manifest import Manifest
from asgml.storage.read.probe_gap import Gap, Sampling, gap_of

PROBE = {"split_batch": True, "utilization_ema": 0.1}


def manifest_of(*modalities: str, **config: Any) -> Manifest:
    given = {"batch_size": 64, "probe": PROBE, **config}
    return replace(tiny_manifest("run"), modalities=modalities, config=given)


def found(values: dict[str, float], readings: int = 200, **config: Any) -> Gap:
    """The gap of modalities with these utilizations."""
    columns = {f"utilization/{m}": value for m, value in values.items()}
    return gap_of(manifest_of(*values, **config), lambda c: columns.get(c, math.nan), readings)


@pytest.mark.parametrize(
    ("weight", "readings", "samples"), [(0.1, 3, 32), (0.1, 200, 32), (1.0, 5, 16), (0.3, 10, 8)]
)
def test_the_error_is_the_spread_of_simulated_averages(
    weight: float, readings: int, samples: int
) -> None:
    random, share = np.random.default_rng(3), 0.6
    average = np.zeros(20_000)
    for _ in range(readings):
        scored = random.binomial(samples, share, average.shape) / samples
        average = weight * scored + (1 - weight) * average
    told = Sampling(samples, weight, readings).error(share * (1 - (1 - weight) ** readings))
    assert told == pytest.approx(average.std(), rel=0.05)


def test_half_a_batch_of_64_is_known_to_nine_points() -> None:
    assert Sampling(32, 1.0, 1).error(0.5) == pytest.approx(0.088, abs=0.001)


@given(st.floats(0, 1), st.integers(1, 500), st.floats(0.01, 1), st.integers(1, 10_000))
def test_an_error_is_never_zero_and_falls_with_more_samples(
    value: float, samples: int, weight: float, readings: int
) -> None:
    error = Sampling(samples, weight, readings).error(value)
    assert 0 < error < 1
    assert Sampling(4 * samples, weight, readings).error(value) < error


def test_a_tie_is_a_tie() -> None:
    tie = found({"view1": 0.5, "view2": 0.5})
    assert (tie.value, tie.dominant, tie.words) == (0.0, "", "no clear gap")
    unknown = found({"view1": 0.5, "view2": 0.5}, batch_size=None)
    assert math.isnan(unknown.error) and unknown.words == "no clear gap"


@given(st.floats(0.1, 0.9), st.floats(-0.3, 0.3))
def test_a_gap_within_two_standard_errors_is_no_clear_gap(level: float, by: float) -> None:
    other = min(max(level + by, 0.0), 1.0)
    gap = found({"audio": level, "visual": other})
    clear = gap.value > 2 * gap.error
    assert gap.value == pytest.approx(abs(other - level))
    assert (gap.words == "no clear gap") == (not clear)
    assert gap.dominant == ("" if not clear else "visual" if other > level else "audio")


def test_a_gap_that_few_readings_show_is_clear_after_many() -> None:
    """The average starts at 0: after n readings it holds the share 1 - 0.9^n of the accuracies."""

    def after(readings: int) -> Gap:
        share = 1 - 0.9**readings
        return found({"audio": 0.62 * share, "visual": 0.5 * share}, readings)

    assert after(1).words == "no clear gap" and after(100).words == "audio dominates by utilization"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"a": 0.8, "b": 0.5, "c": 0.5}, "a dominates by utilization"),
        ({"a": 0.8, "b": 0.8, "c": 0.5}, "c lags by utilization"),
        ({"a": 0.64, "b": 0.59, "c": 0.54}, "no single one dominates"),
        ({"a": 0.8, "b": 0.8, "c": 0.79}, "no clear gap"),
        ({"a": 0.8}, "no modality dominates yet"),
        ({"a": 0.8, "b": math.nan}, "no modality dominates yet"),
    ],
)
def test_what_is_said_of_several_modalities(values: dict[str, float], words: str) -> None:
    assert found(values).words == words


def test_the_measure_is_named_and_falls_back() -> None:
    manifest = manifest_of("audio", "visual")
    columns = {"probe_accuracy": (0.9, 0.2), "own_accuracy": (0.1, 0.9)}
    values = {f"{n}/{m}": v for n, two in columns.items() for m, v in zip("av", two, strict=True)}
    values = {k.replace("/a", "/audio").replace("/v", "/visual"): v for k, v in values.items()}
    gap = gap_of(manifest, lambda c: values.get(c, math.nan), 4)
    assert gap.words == "audio dominates by probe"
    own = {k: v for k, v in values.items() if k.startswith("own")}
    gap = gap_of(manifest, lambda c: own.get(c, math.nan), 4)
    assert gap.words == "visual dominates by own logits" and gap.measure == "own_accuracy"


@pytest.mark.parametrize(
    "config",
    [
        {"batch_size": None},
        {"batch_size": "64"},
        {"batch_size": True},
        {"probe": None},
        {"probe": {"utilization_ema": "0.1"}},
        {"probe": {"utilization_ema": 7}},
    ],
)
def test_a_run_that_does_not_tell_its_samples_says_so(config: dict[str, Any]) -> None:
    gap = found({"audio": 0.9, "visual": 0.2}, **config)
    assert math.isnan(gap.error) and gap.words == "audio ahead by utilization, error unknown"
    assert "±" not in gap.text and gap.text.startswith("0.700: ")


def test_a_training_part_smaller_than_the_batch_limits_the_samples() -> None:
    small = replace(manifest_of("audio", "visual"), data={"counts": {"train": 16}})
    values = {"utilization/audio": 0.6, "utilization/visual": 0.5}
    little = gap_of(small, lambda c: values.get(c, math.nan), 200)
    assert little.error == pytest.approx(2 * found({"audio": 0.6, "visual": 0.5}).error, rel=0.02)


def test_the_text_has_the_gap_its_error_and_the_words() -> None:
    gap = found({"audio": 0.62, "visual": 0.5})
    assert gap.text == "0.120 ±0.03: audio dominates by utilization"
    assert Gap().text == "" and gap.as_json()["standard_error"] == gap.error
