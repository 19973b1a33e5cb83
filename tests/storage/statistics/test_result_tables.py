"""Tables of results: what is paired, what is missing, what is marked."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from table_kit import METRIC, PROTOCOL, record, settings_of

from asgml.storage.runs.groups import RunGroup
from asgml.storage.runs.plan_record import PlanCell, PlanRecord, PlanRow, write_plan_record
from asgml.storage.runs.record import Observed, RunRecord
from asgml.storage.runs.settings import cell_digest
from asgml.storage.statistics.paired import paired_difference
from asgml.storage.statistics.result import metric_value
from asgml.storage.statistics.tables import table_of_groups, table_of_plan

SEEDS = (0, 1, 2)
REACHED = {"baseline": (0.60, 0.62, 0.61), "boost": (0.64, 0.65, 0.66), "ogm": (0.63, 0.60, 0.62)}


def plan(baseline: str = "baseline", tuned: dict[str, Any] | None = None) -> PlanRecord:
    rows = tuple(PlanRow(name, {"method": name}, tuned or {}) for name in REACHED)
    cells = tuple(
        PlanCell(number, seed, f"{row.label}-s{seed}", cell_digest(settings_of(row.label, seed)))
        for number, row in enumerate(rows)
        for seed in SEEDS
    )
    return PlanRecord("p", "A plan", "speech.npz", METRIC, baseline, SEEDS, rows, cells)


def records(**changes: Any) -> list[RunRecord]:
    """The runs of the plan; `changes` replaces the one of a name (boost_s1), None removes it."""
    found = {
        f"{name}_s{seed}": record(f"p/{name}-s{seed}", value, method=name, seed=seed)
        for name, values in REACHED.items()
        for seed, value in enumerate(values)
    }
    return [one for one in {**found, **changes}.values() if one is not None]


def test_a_whole_plan() -> None:
    table = table_of_plan(plan(), records())
    boost, ogm = table.rows[1:]
    expected = paired_difference(*(dict(enumerate(REACHED[m])) for m in ("boost", "baseline")))
    assert [row.label for row in table.rows] == ["baseline", "boost", "ogm"]
    assert boost.difference == expected and table.rows[0].difference is None
    assert boost.estimate.mean == pytest.approx(0.65) and not table.missing
    assert boost.difference and ogm.difference
    assert boost.p_holm == pytest.approx(min(1, 2 * boost.difference.p_t))
    assert ogm.p_holm == pytest.approx(max(2 * boost.difference.p_t, ogm.difference.p_t))
    assert boost.runs == {0: "p/boost-s0", 1: "p/boost-s1", 2: "p/boost-s2"}
    assert not boost.mark and not boost.own and math.isnan(table.rows[0].p_holm)


@pytest.mark.parametrize("state", ["failed", "crashed", "stopped", "running", "stale"])
def test_only_finished_runs_count(state: str) -> None:
    unfinished = record("p/boost-s1", 0.99, method="boost", seed=1, state=state)
    row = table_of_plan(plan(), records(boost_s1=unfinished)).rows[1]
    assert row.missing == {1: state} and sorted(row.values) == [0, 2]
    assert row.estimate.n == 2 and row.difference is not None and row.difference.n == 2


@pytest.mark.parametrize("value", [None, math.nan])
def test_a_run_without_a_number_is_missing_and_not_zero(value: float | None) -> None:
    changed = record("p/boost-s1", value, method="boost", seed=1)
    row = table_of_plan(plan(), records(boost_s1=changed)).rows[1]
    assert row.missing == {1: "no value"} and row.estimate.mean == pytest.approx(0.65)


def test_cells_that_never_began_are_missing() -> None:
    table = table_of_plan(plan(), records(boost_s0=None, boost_s1=None, boost_s2=None))
    assert table.row("boost").missing == dict.fromkeys(SEEDS, "not started")  # type: ignore[union-attr]
    assert table.missing == 3 and table.rows[1].estimate.n == 0 and not table.rows[1].mark


def test_a_run_of_other_settings_is_not_the_cells() -> None:
    changed = replace(records()[4], settings=settings_of("boost", 1, boost={"alpha": 9}))
    row = table_of_plan(plan(), records(boost_s1=changed)).rows[1]
    assert row.missing == {1: "other settings"}


def test_other_epochs_are_marked_and_never_paired() -> None:
    longer = record("p/boost-s1", 0.99, method="boost", seed=1, protocol={"epochs": 100})
    row = table_of_plan(plan(), records(boost_s1=longer)).rows[1]
    assert row.mark == "epochs, epochs within the row"
    assert row.difference is not None and row.difference.n == 2
    assert row.difference.mean == pytest.approx(0.045)


def test_the_network_is_the_rows_own_and_is_paired() -> None:
    late = {"network": {**PROTOCOL["network"], "fusion": {"kind": "late_mean"}}}
    changes = {
        f"boost_s{s}": record(f"p/boost-s{s}", 0.7, method="boost", seed=s, protocol=late)
        for s in SEEDS
    }
    row = table_of_plan(plan(), records(**changes)).rows[1]
    assert row.own == "fusion" and not row.mark
    assert row.difference is not None and row.difference.n == 3


def test_a_tuned_optimizer_is_the_rows_own_another_one_is_marked() -> None:
    faster = {"optimizer": {"lr": 0.1}}
    changes = {
        f"boost_s{s}": record(f"p/boost-s{s}", 0.7, method="boost", seed=s, protocol=faster)
        for s in SEEDS
    }
    tuned = plan(tuned={"trials": 8, "keys": {"optimizer.lr": 0.1}})
    row = table_of_plan(tuned, records(**changes)).rows[1]
    assert row.own == "optimizer" and row.difference is not None and row.difference.n == 3
    row = table_of_plan(plan(), records(**changes)).rows[1]
    assert row.mark == "optimizer" and row.difference is not None and row.difference.n == 0


def test_each_seed_may_have_a_fold_of_its_own() -> None:
    def folds(name: str) -> dict[str, RunRecord]:
        return {
            f"{name}_s{s}": record(
                f"p/{name}-s{s}", v, method=name, seed=s, protocol={"split": {"fold": s}}
            )
            for s, v in enumerate(REACHED[name])
        }

    row = table_of_plan(plan(), records(**folds("baseline"), **folds("boost"))).rows[1]
    assert not row.mark and row.difference is not None and row.difference.n == 3
    row = table_of_plan(plan(), records(**folds("boost"))).rows[1]
    assert row.mark == "split" and row.difference is not None and row.difference.n == 0


@dataclass(frozen=True)
class Ensemble:
    values: dict[str, float]
    members: tuple[str, ...]
    digest: str


def test_an_ensemble_has_values_without_a_run() -> None:
    asked = plan()
    cell = next(cell for cell in asked.cells if cell.run == "boost-s1")
    known = {"boost-s1": Ensemble({METRIC: 0.9}, ("baseline-s1", "ogm-s1"), cell.digest)}
    row = table_of_plan(asked, records(boost_s1=None), known).rows[1]
    assert row.values[1] == 0.9 and not row.mark
    assert row.difference is not None and row.difference.n == 3
    stale = {"boost-s1": replace(known["boost-s1"], digest="other")}
    assert table_of_plan(asked, records(boost_s1=None), stale).rows[1].missing == {
        1: "other settings"
    }


def test_without_a_baseline_nothing_is_paired_and_protocols_are_still_marked() -> None:
    longer = record("p/ogm-s1", 0.9, method="ogm", seed=1, protocol={"epochs": 100})
    table = table_of_plan(plan(baseline=""), records(ogm_s1=longer))
    assert all(row.difference is None for row in table.rows)
    assert [bool(row.mark) for row in table.rows] == [False, False, True]


@dataclass(frozen=True)
class Group:
    name: str
    records: list[RunRecord]
    settings: dict[str, Any]


def group(name: str, *values: float) -> Group:
    runs = [record(f"{name}-{seed}", value, seed=seed) for seed, value in enumerate(values)]
    return Group(name, runs, {"method": name})


def test_groups_pair_on_the_seeds_that_both_have() -> None:
    table = table_of_groups(
        [group("baseline", 0.6, 0.6), group("boost", 0.7, 0.7, 0.7)], METRIC, "baseline"
    )
    assert table.rows[1].estimate.n == 3
    assert table.rows[1].difference is not None and table.rows[1].difference.n == 2
    assert table.better == "high" and table.seeds == (0, 1, 2)


def test_of_two_runs_with_one_seed_the_newest_finished_one_counts() -> None:
    old, new = record("old", 0.5, started=1), record("new", 0.7, started=2)
    crashed = record("crashed", 0.9, state="crashed", started=3)
    table = table_of_groups([Group("g", [crashed, new, old], {})], METRIC)
    assert table.rows[0].values == {0: 0.7} and table.rows[0].runs == {0: "new"}


def test_best_on_test_stands_beside_the_chosen_value() -> None:
    both = [record(f"r{s}", 0.6, seed=s, on_test=0.7 + s / 100) for s in SEEDS]
    row = table_of_groups([Group("g", both, {})], METRIC).rows[0]
    assert row.on_test is not None and row.on_test.mean == pytest.approx(0.71)
    assert row.estimate.mean == pytest.approx(0.6)


def test_a_value_is_that_of_the_chosen_epoch_but_for_results_so_far() -> None:
    run = replace(
        record("r", 0.5, on_test=0.8),
        chosen={"val_loss": 1.0, METRIC: math.nan, "best_on_test_accuracy": 0.6},
    )
    run = replace(run, metrics={**run.metrics, "val_loss": Observed(2.0, 1.0, 1, "low", "epochs")})
    assert metric_value(run, "val_loss") == 1.0
    assert metric_value(run, METRIC) == 0.5
    assert metric_value(run, "best_on_test_accuracy") == 0.8
    assert math.isnan(metric_value(run, "test_mae"))


def test_two_rows_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="share a label"):
        table_of_groups([group("g", 0.5), group("g", 0.6)], METRIC)


@pytest.mark.parametrize("tuned", [{"keys": {"optimizer.lr": "grid"}}, {}])
def test_what_a_plan_tuned_is_the_groups_own_too(tmp_path: Path, tuned: dict[str, Any]) -> None:
    write_plan_record(tmp_path, plan(tuned=tuned))
    slow = {"optimizer": {"lr": 0.001}}
    groups = [
        RunGroup(
            name,
            tuple(
                replace(
                    record(
                        f"{name}-s{seed}",
                        value,
                        method=name,
                        seed=seed,
                        protocol=slow if name == "boost" else None,
                    ),
                    path=tmp_path / f"{name}-s{seed}",
                )
                for seed, value in enumerate(REACHED[name])
            ),
            settings_of(name, 0),
        )
        for name in ("baseline", "boost")
    ]
    boost = table_of_groups(groups, METRIC, "baseline").rows[1]
    assert boost.difference is not None and boost.difference.n == (3 if tuned else 0)
    assert bool(boost.mark) != bool(tuned)
