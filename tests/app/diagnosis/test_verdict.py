"""The verdict on a data set, on synthetic numbers: every rule, its borders, and missing numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verdict_kit import STARVED, around, measured

from asgml.app.diagnosis.judgement import judge
from asgml.app.diagnosis.measurements import (
    measurements_from_json,
    measurements_to_json,
)
from asgml.app.diagnosis.verdict import LATE_FUSION, judge_data
from asgml.storage.format.errors import FormatError


def test_a_starved_modality_and_a_gain_by_balancing() -> None:
    verdict = judge_data(measured(**STARVED, joint=0.72, balanced=0.80, ensemble=0.83))
    assert (verdict.kind, verdict.starved, verdict.suggested) == ("help", ("visual",), "boost")
    assert verdict.gaps["visual"].mean == pytest.approx(0.46)


def test_a_gain_of_the_ensemble_alone_suggests_late_fusion() -> None:
    verdict = judge_data(measured(**STARVED, joint=0.78, balanced=0.78, ensemble=0.84))
    assert (verdict.kind, verdict.suggested) == ("help", LATE_FUSION)


def test_a_gain_without_starvation_is_not_balancings() -> None:
    assert judge_data(measured(joint=0.72, balanced=0.80, ensemble=0.83)).kind == "unclear"


def test_nothing_to_balance() -> None:
    verdict = judge_data(measured())
    assert (verdict.kind, verdict.starved, verdict.suggested) == ("nothing", (), "baseline")


def test_one_modality_is_enough() -> None:
    verdict = judge_data(measured(alone=(0.90, 0.30), inside=(0.90, 0.30), joint=0.89,
                                  ensemble=0.85, balanced=0.88))  # fmt: skip
    assert (verdict.kind, verdict.suggested, verdict.single) == ("one", "audio", "audio")


def test_one_modality_that_beats_all_fused_ones_is_enough_even_where_balancing_gains() -> None:
    verdict = judge_data(measured(alone=(0.60, 0.90), inside=(0.60, 0.50), joint=0.70,
                                  ensemble=0.80, balanced=0.80))  # fmt: skip
    assert (verdict.kind, verdict.suggested) == ("one", "visual")


def test_a_gain_by_balancing_that_beats_one_modality_by_little_is_still_a_gain() -> None:
    found = measured(**STARVED, joint=0.72, balanced=0.80, ensemble=0.82)
    visual = {0: 0.796, 1: 0.824, 2: 0.810}  # 1 ± 2 points below the ensemble
    verdict = judge_data(replace(found, own={**found.own, "visual": visual}))
    assert verdict.fusion_gain.ruled_out and verdict.fusion_gain.mean > 0
    assert verdict.kind == "help"


def test_the_strong_side_is_right() -> None:
    verdict = judge_data(measured(**STARVED, joint=0.85, balanced=0.78, ensemble=0.85))
    assert (verdict.kind, verdict.suggested) == ("strong", "baseline")


def test_starved_and_nothing_gained() -> None:
    verdict = judge_data(measured(**STARVED, joint=0.85, balanced=0.85, ensemble=0.85))
    assert verdict.kind == "no gain" and verdict.starved == ("visual",)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_seeds_tell_nothing(n: int) -> None:
    verdict = judge_data(measured(**STARVED, joint=0.7, balanced=0.9, ensemble=0.9, n=n))
    assert (verdict.kind, verdict.starved, verdict.suggested) == ("unclear", (), "")
    assert verdict.seeds == n and (verdict.needed is None) == (n < 2)


def test_seeds_that_scatter_tell_nothing_and_say_how_many_would() -> None:
    found = measured(**STARVED, joint=0.75, balanced=0.77, ensemble=0.70)
    wide = replace(found, joint={0: 0.70, 1: 0.75, 2: 0.80}, balanced={0: 0.79, 1: 0.74, 2: 0.78})
    verdict = judge_data(wide)
    assert verdict.kind == "unclear" and verdict.needed is not None
    assert 3 < verdict.needed < 100


def test_a_model_at_chance_tells_nothing() -> None:
    found = measured(alone=(0.2, 0.2), inside=(0.2, 0.2), joint=0.21, ensemble=0.2, balanced=0.2)
    assert judge_data(replace(found, chance=0.15)).learned
    at_chance = judge_data(replace(found, chance=0.2))
    assert at_chance.kind == "unclear" and not at_chance.learned


@pytest.mark.parametrize("name", ["joint", "ensemble", "balanced"])
def test_runs_that_are_all_missing_never_raise(name: str) -> None:
    for missing in ({}, {0: math.nan, 1: math.nan, 2: math.nan}):
        found = replace(measured(**STARVED, joint=0.73, balanced=0.8), **{name: missing})
        assert judge_data(found).kind in ("help", "unclear")
    nothing = replace(measured(), own={}, alone={}, inside={}, joint={}, ensemble={}, balanced={})
    assert judge_data(nothing).kind == "unclear"


def test_a_missing_seed_counts_as_missing_and_not_as_zero() -> None:
    found = measured(**STARVED, joint=0.72, balanced=0.80, ensemble=0.83, n=4)
    fewer = replace(found, balanced={**found.balanced, 2: math.nan})
    verdict = judge_data(fewer)
    assert verdict.kind == "help" and verdict.balanced_gain.n == 3 and verdict.seeds == 3


# the borders of a judgement: differences d - s, d and d + s have the std s, the error s / sqrt(3)


def differ(mean: float, error: float) -> tuple[dict[int, float], dict[int, float]]:
    spread = error * math.sqrt(3)
    ours = {seed: 0.5 + mean + side * spread for seed, side in enumerate((-1, 0, 1))}
    return ours, dict.fromkeys(ours, 0.5)


@pytest.mark.parametrize(
    ("mean", "error", "least", "outcome"),
    [
        (0.030, 0.0149, 0.0, "above"),  # just beyond 2 standard errors
        (0.030, 0.0151, 0.0, "unclear"),  # just within, and 5 points are not ruled out
        (0.0199, 0.001, 0.02, "not above"),  # certain, and below 2 points
        (0.0201, 0.001, 0.02, "above"),
        (0.0200, 0.001, 0.02, "not above"),  # 2 points are not above 2 points
        (0.010, 0.0199, 0.0, "not above"),  # 5 points just ruled out
        (0.010, 0.0201, 0.0, "unclear"),
        (-0.100, 0.0749, 0.0, "not above"),
        (-0.100, 0.0751, 0.0, "unclear"),
        (0.0, 0.0, 0.0, "not above"),  # the same values
        (0.04, 0.0, 0.02, "above"),  # the same difference in each seed
    ],
)
def test_borders(mean: float, error: float, least: float, outcome: str) -> None:
    assert judge(*differ(mean, error), least).outcome == outcome


@settings(deadline=None)  # the first example imports scipy
@given(st.floats(-0.2, 0.2), st.floats(0.005, 0.1))
def test_the_seeds_that_are_said_to_be_needed_would_decide(mean: float, error: float) -> None:
    found = judge(*differ(mean, error), 0.02)
    if found.needed is None:
        return
    assert found.outcome == "unclear" and found.needed > found.n
    later = found.error * math.sqrt(found.n / found.needed)  # the same spread, more seeds
    assert found.mean > 2 * later - 1e-9 or found.mean + 2 * later <= 0.05 + 1e-9


def test_the_same_spread_with_as_many_seeds_decides_indeed() -> None:
    unclear = judge(*differ(0.03, 0.017))
    assert unclear.needed == 4
    std = 0.017 * math.sqrt(3)
    values = np.array([-1.0, 1.0, -1.0, 1.0]) * std * math.sqrt(3 / 4)  # the same std, four seeds
    assert np.std(values, ddof=1) == pytest.approx(std)
    assert judge({s: 0.53 + v for s, v in enumerate(values)}, dict.fromkeys(range(4), 0.5)).above


@settings(deadline=None)  # the first example imports scipy
@given(st.integers(1, 6), st.floats(-0.5, 0.5))
def test_a_shift_of_every_accuracy_changes_no_judgement(n: int, shift: float) -> None:
    ours, theirs = around(0.7, n=n), around(0.66, turn=1, n=n)
    moved = [{seed: value + shift for seed, value in each.items()} for each in (ours, theirs)]
    assert judge(*moved).outcome == judge(ours, theirs).outcome


def test_measurements_come_back_from_json() -> None:
    found = replace(
        measured(), joint={0: 0.5, 1: math.nan}, chance=0.25, missing={"joint-s1": "failed"}
    )
    again = measurements_from_json(measurements_to_json(found))
    assert again.joint[0] == 0.5 and math.isnan(again.joint[1])
    assert again.alone == found.alone and again.missing == found.missing
    assert judge_data(again) == judge_data(found)


@pytest.mark.parametrize(
    "record",
    [None, [], {}, {"modalities": 3}],
)
def test_anything_else_is_refused(record: object) -> None:
    with pytest.raises(FormatError, match="diagnosis"):
        measurements_from_json(record)


@pytest.mark.parametrize("joint", [[0.5], {"x": 0.5}, {"0": "high"}])
def test_damaged_values_are_refused_or_missing(joint: object) -> None:
    record = {**measurements_to_json(measured()), "joint": joint}
    if joint == {"0": "high"}:
        assert math.isnan(measurements_from_json(record).joint[0])
    else:
        with pytest.raises(FormatError):
            measurements_from_json(record)
