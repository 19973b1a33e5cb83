"""The effect of a run: which runs are its baseline, and what one run beside them may claim."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from table_kit import METRIC, PROTOCOL, record

from asgml.storage.runs.record import Observed, RunRecord
from asgml.storage.statistics.effect import baseline_runs, effect_of, prediction_half_width
from asgml.storage.statistics.effect_words import headline, over_seeds, single
from asgml.storage.statistics.estimate import estimate

NETWORK = PROTOCOL["network"]
OWN = "val_own_accuracy/audio"


def run(name: str, value: float, **more: Any) -> RunRecord:
    """Return a finished run; its modality `audio` reaches half of the fused value."""
    made = record(name, value, **more)
    metrics = {**made.metrics, OWN: Observed(value / 2, value / 2, 1, "high", "epochs")}
    return replace(made, metrics=metrics, chosen={OWN: value / 2})


def baselines(*values: float, **more: Any) -> list[RunRecord]:
    return [run(f"base-s{seed}", value, seed=seed, **more) for seed, value in enumerate(values)]


def test_a_run_is_held_beside_the_baseline_runs_of_its_protocol_only() -> None:
    ours = run("boost-s0", 0.8, method="boost")
    beside = baselines(0.70, 0.72)
    others = [
        run("longer", 0.9, protocol={"epochs": 200}),
        run("late", 0.9, protocol={"network": {**NETWORK, "fusion": {"kind": "late_mean"}}}),
        run("alone", 0.9, protocol={"inputs": {"audio": {"shape": [8]}}}),
        replace(run("fork", 0.9), parent={"run": "base-s0", "step": 1}),
        run("living", 0.9, state="running"),
        run("ogm", 0.9, method="ogm"),
    ]
    found = baseline_runs(ours, [*others, *beside, ours])
    assert [each.name for each in found] == ["base-s0", "base-s1"]
    effect = effect_of(ours, [*others, *beside, ours])
    assert [(line.column, line.baseline.n) for line in effect.lines] == [(METRIC, 2), (OWN, 2)]
    assert effect.lines[0].difference == pytest.approx(0.8 - 0.71)
    assert effect.lines[1].difference == pytest.approx(0.4 - 0.355)


def test_without_a_baseline_the_reason_is_told() -> None:
    ours = run("boost-s0", 0.8, method="boost")
    assert "--method baseline" in headline(effect_of(ours, [ours]))
    base = run("base-s0", 0.8)
    assert "is a baseline itself" in headline(effect_of(base, [base, *baselines(0.7, 0.8)]))


@pytest.mark.parametrize("n", [2, 3, 5, 20])
def test_the_spread_holds_one_more_run_of_the_same_kind_nineteen_times_in_twenty(n: int) -> None:
    draws = np.random.default_rng(n).normal(0.7, 0.03, (4000, n + 1))
    inside = [
        abs(each[-1] - each[:-1].mean()) <= prediction_half_width(estimate(each[:-1].tolist()))
        for each in draws
    ]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.012)


def test_one_run_claims_no_more_than_seeds_leave_it() -> None:
    base = baselines(0.70, 0.74, 0.66)
    near, far = (
        effect_of(ours, [*base, ours]).lines[0]
        for ours in (run("a", 0.75, method="boost"), run("b", 0.95, method="boost"))
    )
    assert single(near).startswith("within what seeds alone do")
    assert single(far).startswith("better than seeds alone explain")
    only_one = effect_of(run("c", 0.95, method="boost"), base[:1]).lines[0]
    assert math.isnan(only_one.spread) and "one baseline run" in single(only_one)
    assert over_seeds(near) == ""


def test_the_run_s_own_group_is_paired_with_the_baseline_by_seed() -> None:
    group = [
        run(f"boost-s{s}", v, seed=s, method="boost") for s, v in enumerate((0.75, 0.76, 0.72))
    ]
    effect = effect_of(group[0], [*baselines(0.70, 0.74, 0.66), *group])
    paired = effect.lines[0].paired
    assert paired is not None and paired.n == 3
    assert paired.mean == pytest.approx(np.mean([0.05, 0.02, 0.06]))
    assert "paired over 3 seeds" in headline(effect)


def test_a_living_run_is_compared_at_its_step() -> None:
    ours = run("boost-s0", 0.8, method="boost", state="running")
    base = [*baselines(0.7), run("base-s9", 0.9, seed=9, state="running")]
    at_step = {"boost-s0": 0.5, "base-s0": 0.4, "base-s9": math.nan}
    effect = effect_of(ours, [ours, *base], lambda of, _: at_step[of.name], step=40)
    line = effect.lines[0]
    assert (line.ours, line.baseline.mean, line.baseline.n) == (0.5, 0.4, 1)
    assert line.paired is None
