"""Tuning: the same budget for every row, chosen by the mean of validation over the seeds alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgml.app.errors import UserError
from asgml.app.plans.cells import Cell, ResolvedPlan
from asgml.app.plans.plan_file import parse_plan
from asgml.app.plans.plan_schema import TuneKey
from asgml.app.plans.resolution import resolve
from asgml.app.plans.row_settings import Overrides, RowSettings, Tuned
from asgml.app.plans.search_space import Space, grid, space_of
from asgml.app.plans.tuned_rows import trial_count, tuned_rows
from asgml.app.plans.tuning import trials_of, tune
from asgml.storage.runs.settings import flatten

LR = "optimizer.lr = { choices = [0.1, 0.2, 0.4] }"
PLAN = """
[[row]]
label = "A"
set = {{ method = "baseline" }}
[[row]]
label = "B"
set = {{ method = "boost", lr = 0.3 }}
[[row]]
label = "B, lr"
set = {{ method = "boost" }}
grid = {{ lr = [0.5, 0.6] }}
[tune]
trials = {trials}
seeds = [100, 101]
keys = {{ {keys} }}
{more}
"""
Objective = Callable[[Mapping[str, Any]], float]


def rows_of(keys: str = LR, trials: int = 3, more: str = "", **given: Any) -> RowSettings:
    text = PLAN.format(trials=trials, keys=keys, more=more)
    return RowSettings(parse_plan(text, "mine"), Overrides(**given))


class Trainer:
    """Trains by a formula, and keeps what it was asked for."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.plans: list[ResolvedPlan] = []

    @property
    def cells(self) -> list[Cell]:
        return [cell for plan in self.plans for cell in plan.cells]

    def __call__(self, plan: ResolvedPlan) -> dict[str, float]:
        self.plans.append(plan)
        flat = {cell.run: flatten(cell.settings.model_dump()) for cell in plan.cells}
        return {run: self.objective(settings) for run, settings in flat.items()}


def tuned(objective: Objective, rows: RowSettings) -> tuple[dict[str, Tuned], Trainer]:
    trainer = Trainer(objective)
    return tune(rows, trainer), trainer


def test_the_best_mean_over_the_seeds_is_chosen_row_by_row() -> None:
    best = {"baseline": 0.2, "boost": 0.4}

    def objective(settings: Mapping[str, Any]) -> float:
        wrong = abs(settings["optimizer.lr"] - best[settings["method"]])
        return 1 - wrong + (5 if settings["seed"] == 100 else -5)  # cancels in the mean

    chosen, trainer = tuned(objective, rows_of())
    assert {label: one.settings for label, one in chosen.items()} == {
        "A": {"optimizer.lr": 0.2},
        "B": {"optimizer.lr": 0.4},
    }
    assert len(trainer.cells) == 2 * 3 * 2 == trial_count(rows_of())
    assert chosen["A"].record == {
        "trials": 3,
        "seeds": [100, 101],
        "sampler": "grid",
        "keys": {"optimizer.lr": "0.1|0.2|0.4"},
        "chosen": {"optimizer.lr": 0.2},
        "val": pytest.approx(1.0),
        "tried": [
            {"values": {"optimizer.lr": lr}, "val": pytest.approx(val)}
            for lr, val in ((0.1, 0.9), (0.2, 1.0), (0.4, 0.8))
        ],
    }


def test_a_lucky_seed_alone_chooses_nothing() -> None:
    """Values 0.1: 0.9 and 0.1; 0.2: 0.6 twice."""
    scores = {(0.1, 100): 0.9, (0.1, 101): 0.1, (0.2, 100): 0.6, (0.2, 101): 0.6}
    chosen, _ = tuned(lambda s: scores.get((s["optimizer.lr"], s["seed"]), 0.0), rows_of())
    assert chosen["A"].settings == {"optimizer.lr": 0.2}


@pytest.mark.parametrize("sampler", ["grid", "random", "tpe"])
def test_every_row_has_the_same_budget_whatever_the_sampler(sampler: str) -> None:
    keys = "optimizer.lr = { low = 0.001, high = 0.1, log = true }"
    rows = rows_of(keys, trials=5, more=f"sampler = '{sampler}'")
    chosen, trainer = tuned(lambda settings: settings["optimizer.lr"], rows)
    assert {label: one.record["trials"] for label, one in chosen.items()} == {"A": 5, "B": 5}
    counts = {method: 0 for method in ("baseline", "boost")}
    for cell in trainer.cells:
        counts[cell.settings.method] += 1
        assert 0.001 <= cell.settings.optimizer.lr <= 0.1
    assert counts == {"baseline": 10, "boost": 10} and trial_count(rows) == 20
    assert len({cell.run for cell in trainer.cells}) == 20
    assert [plan.metric for plan in trainer.plans] == ["val_accuracy"] * len(trainer.plans)


@pytest.mark.parametrize("sampler", ["grid", "random", "tpe"])
def test_a_tuning_that_goes_on_asks_for_the_same_runs(sampler: str) -> None:
    keys = "optimizer.lr = { low = 0.001, high = 0.1 }"

    def asked() -> list[tuple[str, str]]:
        rows = rows_of(keys, trials=12, more=f"sampler = '{sampler}'")
        _, trainer = tuned(lambda settings: -abs(settings["optimizer.lr"] - 0.03), rows)
        return [(cell.run, cell.digest) for cell in trainer.cells]

    assert asked() == asked()


def test_tpe_goes_by_what_it_was_told() -> None:
    keys = "optimizer.lr = { low = 0.001, high = 0.1 }"

    def tried(sign: float) -> list[float]:
        rows = rows_of(keys, trials=20, more="sampler = 'tpe'\nrows = ['A']")
        _, trainer = tuned(lambda settings: sign * settings["optimizer.lr"], rows)
        return [cell.settings.optimizer.lr for cell in trainer.cells if cell.seed == 100]

    high, low = tried(1.0), tried(-1.0)
    assert high[:10] == low[:10]  # it begins at random
    assert sum(high[10:]) > sum(low[10:])


def test_trials_never_read_the_test_split_and_have_names_of_their_own() -> None:
    rows = rows_of()
    chosen, trainer = tuned(lambda settings: 0.5, rows)
    assert {cell.settings.eval.test for cell in trainer.cells} == {"never"}
    assert {cell.seed for cell in trainer.cells} == {100, 101}
    assert trainer.cells[0].run == "tune-a-1-s100" and trainer.cells[-1].run == "tune-b-3-s101"
    final = resolve(rows.plan, tuned=chosen)
    assert {cell.settings.eval.test for cell in final.cells} == {"end"}
    assert not {cell.digest for cell in final.cells} & {cell.digest for cell in trainer.cells}
    assert chosen["A"].settings == {"optimizer.lr": 0.1}  # the first of equals


def test_what_failed_is_not_chosen() -> None:
    def objective(settings: Mapping[str, Any]) -> float:
        half = settings["optimizer.lr"] == 0.4 and settings["seed"] == 101
        return math.nan if half or settings["method"] == "boost" else settings["optimizer.lr"]

    chosen, _ = tuned(objective, rows_of())
    assert chosen["A"].settings == {"optimizer.lr": 0.2}
    assert chosen["A"].record["tried"][2]["val"] is None
    assert "B" not in chosen  # nothing is known of it: it keeps its own
    final = resolve(rows_of().plan, tuned=chosen)
    assert {cell.settings.optimizer.lr for cell in final.cells if cell.label == "B"} == {0.3}


def test_in_a_regression_the_smaller_error_is_better() -> None:
    sets = ("data.options.task=regression",)
    chosen, trainer = tuned(lambda settings: settings["optimizer.lr"], rows_of(sets=sets))
    assert {plan.metric for plan in trainer.plans} == {"val_mae"}
    assert chosen["A"].settings == {"optimizer.lr": 0.1} and chosen["A"].record["val"] == 0.1


def test_only_settings_that_matter_to_a_row_are_tried_for_it() -> None:
    keys = f"boost.alpha = {{ choices = [0.25, 0.75] }}, {LR}"
    found = {row.variant.label: row.spaces for row in tuned_rows(rows_of(keys, trials=6))}
    assert {label: [space.key for space in spaces] for label, spaces in found.items()} == {
        "A": ["optimizer.lr"],  # baseline has no boost
        "B": ["boost.alpha", "optimizer.lr"],
        "B, lr 0.5": ["boost.alpha"],  # its grid gives the rate
        "B, lr 0.6": ["boost.alpha"],
    }
    assert [row.variant.label for row in tuned_rows(rows_of(sets=("lr=1",)))] == []


def test_rows_can_be_named() -> None:
    keys = f"boost.alpha = {{ choices = [0.25, 0.75] }}, {LR}"
    named = tuned_rows(rows_of(keys, trials=6, more="rows = ['A', 'B, lr']"))
    assert [row.variant.label for row in named] == ["A", "B, lr 0.5", "B, lr 0.6"]


@pytest.mark.parametrize(
    ("keys", "more", "words"),
    [
        ("bost.alpha = { low = 0, high = 1 }", "", ["tune", "bost.alpha", "boost.alpha"]),
        ("optimizer.lr = { low = 0.1, high = 99 }", "", ["optimizer.lr = 99"]),
        ("fusion.kind = { low = 0, high = 1 }", "", ["fusion.kind", "choices"]),
        ("fusion.kind = { choices = ['cat'] }", "", ["fusion.kind", "'cat'"]),
        (LR, "rows = ['C']", ["tune.rows", "'C'", "A"]),
        (f"{LR}, batch_size = {{ choices = [32, 64] }}", "", ["6 combinations", "trials = 3"]),
    ],
)
def test_a_tuning_that_cannot_be_is_refused(keys: str, more: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        tuned(lambda settings: 0.5, rows_of(keys, more=more))
    message = str(caught.value)
    assert "\n" not in message and "plan mine" in message
    assert all(word in message for word in words), message


def test_a_row_that_learns_from_later_runs_is_not_tuned() -> None:
    text = (
        "[[row]]\nlabel = 'G'\nset = { method = 'g2d', fusion.kind = 'late_mean' }\n"
        f"references = true\n[[row]]\nlabel = 'O'\nalone = true\n[tune]\ntrials = 3\nkeys.{LR}\n"
    )
    with pytest.raises(UserError, match=r"row 'G'.*tune\.rows"):
        tuned_rows(RowSettings(parse_plan(text, "mine"), Overrides()))
    only = RowSettings(parse_plan(f"{text}rows = ['O']", "mine"), Overrides())
    assert [row.variant.label for row in tuned_rows(only)] == ["O audio", "O visual"]


def test_without_optuna_the_other_samplers_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    chosen, _ = tuned(lambda settings: 0.5, rows_of())
    assert set(chosen) == {"A", "B"}
    with pytest.raises(UserError, match=r"asgml\[sweep\]"):
        tuned(lambda settings: 0.5, rows_of(more="sampler = 'tpe'"))


# -- what is tried ------------------------------------------------------------------------


@given(
    trials=st.integers(2, 60),
    ranges=st.lists(st.tuples(st.floats(1e-6, 1), st.floats(1.5, 100), st.booleans()), max_size=3),
    choices=st.lists(st.integers(2, 4), max_size=2),
)
def test_a_grid_is_whole_different_and_within_its_budget(
    trials: int, ranges: list[tuple[float, float, bool]], choices: list[int]
) -> None:
    spaces = [Space(f"r{i}", low, high, log) for i, (low, high, log) in enumerate(ranges)]
    spaces += [Space(f"c{i}", choices=tuple(range(count))) for i, count in enumerate(choices)]
    fewest = math.prod(choices) * 2 ** len(ranges)
    if fewest > trials:
        with pytest.raises(UserError, match="trials"):
            grid(spaces, trials, "here")
        return
    found = grid(spaces, trials, "here")
    assert 1 <= len(found) <= trials
    assert len({tuple(one.items()) for one in found}) == len(found)
    for space in spaces:
        values = {one[space.key] for one in found}
        if space.choices:
            assert values == set(space.choices)
        else:
            ends = (pytest.approx(space.low, rel=1e-5), pytest.approx(space.high, rel=1e-5))
            assert (min(values), max(values)) == ends


def test_values_of_a_log_range_have_equal_ratios() -> None:
    space = space_of("optimizer.lr", TuneKey(low=1e-4, high=1e-1, log=True), "here")
    assert space.spread(4) == [0.0001, 0.001, 0.01, 0.1]


def test_a_setting_of_whole_numbers_is_tried_with_whole_numbers() -> None:
    space = space_of("batch_size", TuneKey(low=16, high=64, step=16), "here")
    assert space.all_values() == [16, 32, 48, 64]
    assert all(isinstance(value, int) for value in space.all_values())
    assert space_of("boost.alpha", TuneKey(low=0, high=1, step=0.25), "x").all_values() == [
        0.0,
        0.25,
        0.5,
        0.75,
        1.0,
    ]


def test_the_trials_of_some_rows_are_known_by_name() -> None:
    _, trainer = tuned(lambda settings: 0.5, rows_of())
    (plan,) = trainer.plans
    names = {f"tune-b-{trial}-s{seed}" for trial in (1, 2, 3) for seed in (100, 101)}
    assert trials_of(plan, ["B"]) == names and trials_of(plan, ["C"]) == frozenset()
