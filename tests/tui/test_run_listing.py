"""The lines of the run list and of a plan, without a screen: laws, and numbers by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from many_runs_kit import BASE, cell_settings, record
from rich.cells import cell_len

from asgml.storage.runs.ensemble_record import EnsembleRecord
from asgml.storage.runs.plan_record import PlanCell, PlanRecord, PlanRow
from asgml.storage.runs.record import RunLabels, RunRecord
from asgml.storage.runs.settings import cell_digest
from asgml.tui.plot.glyphs import ASCII, BRAILLE
from asgml.tui.scene.plan_progress import build_plan
from asgml.tui.scene.run_columns import Differing, choose_columns, spread_text, when_text
from asgml.tui.scene.run_filter import FilterError, read_filter
from asgml.tui.scene.run_listing import RunListing, build_listing
from asgml.tui.scene.run_row import spread_of
from asgml.tui.scene.run_sorting import ListOptions, best_line, sortable_columns
from asgml.tui.screens.many_runs.label_actions import tagged
from asgml.tui.session.run_table import known_records
from asgml.tui.terminal.theme import make_styles
from asgml.tui.widgets.plan_rows import cell_text, layout
from asgml.tui.widgets.run_rows import heading, run_line, scrolled_to

RUNS = [
    *(record(f"boost-s{seed}", seed=seed, val=0.6 + seed / 10) for seed in (0, 1, 2)),
    *(record(f"ogm-s{seed}", seed=seed, val=0.5, method="ogm") for seed in (0, 1)),
    record("base", val=0.4, method="baseline", state="crashed"),
    record("new", method="baseline", optimizer__lr=0.1, state="running"),
]


def listing(**options: object) -> RunListing:
    return build_listing(RUNS, replace(ListOptions(), **options))  # type: ignore[arg-type]


def test_runs_that_differ_in_their_seed_alone_are_one_line() -> None:
    rows = listing().rows
    assert [(row.name, len(row.records), row.seeds) for row in rows] == [
        ("boost", 3, "0–2"),
        ("ogm", 2, "0–1"),
        ("base", 1, "0"),
        ("new", 1, "0"),
    ]
    assert listing(grouped=False).shown == len(listing(grouped=False).rows) == len(RUNS)


def test_mean_and_deviation_by_hand() -> None:
    spread = spread_of(RUNS[:3], "val")
    assert spread is not None and spread.settled and spread.n == 3
    assert spread.mean == pytest.approx(0.7) and spread.std == pytest.approx(0.1)
    assert spread_text(spread) == ".700 ±.100"
    assert spread_text(spread_of(RUNS[:1], "val")) == ".600"


def test_a_run_that_has_not_ended_well_counts_where_no_other_has() -> None:
    mixed = [record("a", val=0.8), record("b", val=0.1, state="running")]
    of_both, of_one = spread_of(mixed, "val"), spread_of(mixed[1:], "val")
    assert of_both is not None and (of_both.mean, of_both.n, of_both.settled) == (0.8, 1, True)
    assert of_one is not None and (of_one.mean, of_one.settled) == (0.1, False)


def test_settings_that_differ_become_columns_and_equal_ones_stand_once() -> None:
    shown = listing()
    assert [each.key for each in shown.differing] == ["method", "optimizer.lr"]
    assert shown.same == "x, 10 epochs, batch 64, protocol 7f3a"
    assert "protocol" not in shown.present
    other = build_listing([RUNS[0], record("p", protocol="81cc")], ListOptions())
    assert "protocol" in other.present and "protocol" not in other.same


def test_runs_of_two_protocols_are_never_one_group() -> None:
    runs = [record("a-s0", seed=0), record("a-s1", seed=1, protocol="81cc")]
    assert len(build_listing(runs, ListOptions()).rows) == 2


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize(
    "sort", ["val", "name", "optimizer.lr", "method", "state", "epoch", "when"]
)
def test_sorting_loses_no_line_and_puts_unknown_values_last(sort: str, descending: bool) -> None:
    rows = listing(sort=sort, descending=descending).rows
    assert {row.key for row in rows} == {row.key for row in listing().rows}
    if sort == "val":
        values = [spread_of(row.records, "val") for row in rows]
        known = [spread.mean for spread in values if spread is not None]
        assert known == sorted(known, reverse=descending) and values[-1] is None


def test_the_best_line_is_that_of_the_sorted_metric_at_its_first_end() -> None:
    for options, name in (
        (ListOptions(), "boost"),
        (ListOptions(sort="val", descending=False), "base"),
        (ListOptions(sort="name"), "boost"),
    ):
        rows = build_listing(RUNS, options).rows
        place = best_line(rows, options)
        assert place is not None and rows[place].name == name
    assert best_line(build_listing(RUNS[-1:], ListOptions()).rows, ListOptions()) is None


def test_an_unfolded_group_shows_its_runs_beneath_it() -> None:
    rows = listing(unfolded=frozenset({RUNS[0].path})).rows
    assert [row.name for row in rows[:4]] == ["boost", "boost-s0", "boost-s1", "boost-s2"]
    assert [row.member for row in rows[:5]] == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", {"boost", "ogm", "base", "new"}),
        ("OGM", {"ogm"}),
        ("^b s1$", {"boost-s1"}),
        ("method=boost and val>0.65", {"boost"}),
        ("state=crashed or state=running", {"base", "new"}),
        ("name ~ '^n'", {"new"}),
        ("nothing-like-it", set()),
    ],
)
def test_filters(text: str, names: set[str]) -> None:
    assert {row.name for row in listing(filter_text=text).rows} <= names
    assert bool(listing(filter_text=text).rows) == bool(names)


@pytest.mark.parametrize("text", ["(", "[a-", "val>", "val>x and", "(a+)+$ b", "method=", "*"])
def test_a_filter_with_a_fault_is_told_on_one_line_and_hides_nothing(text: str) -> None:
    with pytest.raises(FilterError) as told:
        read_filter(text)
    shown = listing(filter_text=text)
    assert "\n" not in str(told.value) and shown.problem == str(told.value)
    assert shown.shown == len(RUNS)


def test_words_are_found_in_labels_too() -> None:
    labelled = record("x", labels=RunLabels("A title", ("paper",), "a note"))
    for text in ("paper", "title", "note"):
        assert read_filter(text)(labelled) and not read_filter(text)(RUNS[0])


def test_every_column_that_is_offered_can_be_sorted_by() -> None:
    names = sortable_columns(listing().rows, listing().differing)
    assert {"val", "test", "optimizer.lr", "method", "test_accuracy_at_best_val"} <= set(names)
    for name in names:
        assert len(listing(sort=name).rows) == 4


SETTINGS = st.lists(
    st.builds(Differing, st.sampled_from("abcdef"), st.just("title"), st.integers(1, 16)),
    max_size=6,
    unique_by=lambda each: each.key,
)
PRESENT = st.frozensets(
    st.sampled_from(["state", "epoch", "val", "test", "gap", "when", "seeds", "protocol"])
)


@given(st.integers(30, 200), st.integers(0, 60), SETTINGS, PRESENT, st.sampled_from(["", "val"]))
def test_the_columns_fit(
    width: int, longest: int, settings: list[Differing], present: frozenset[str], sort: str
) -> None:
    name, columns = choose_columns(width, longest, settings, present, sort)
    assert name + sum(column.width + 1 for column in columns) <= width and name >= 8
    assert len({column.key for column in columns}) == len(columns)
    assert not sort or sort in {column.key for column in columns}


@pytest.mark.parametrize("glyphs", [BRAILLE, ASCII])
@pytest.mark.parametrize("width", [40, 80, 100, 160])
def test_a_line_has_the_columns_of_its_heading(width: int, glyphs: object) -> None:
    styles, shown = make_styles(glyphs), listing(sort="val")  # type: ignore[arg-type]
    name, columns = choose_columns(
        width - 4, shown.longest_name, shown.differing, shown.present, "val"
    )
    title = heading(shown, name, columns, styles).plain
    for row in shown.rows:
        line = run_line(row, columns, name, (False, False), 0.0, styles, width)
        assert cell_len(line.plain.rstrip()) <= width and len(title) <= width + 1
        state = title.index("state")
        assert line.plain[state] == styles.state(row.states[0][0])[0]


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 60), st.integers(1, 500))
def test_the_selected_line_is_in_sight_and_no_room_is_wasted(
    selected: int, top: int, page: int, rows: int
) -> None:
    selected = min(selected, rows - 1)
    first = scrolled_to(selected, top, page, rows)
    assert first <= selected < first + page
    assert first == 0 or first + page <= rows


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "now"), (59, "now"), (60, "1 min"), (601, "10 min"), (3600, "1 h"), (200_000, "2 d")],
)
def test_ages(seconds: float, shown: str) -> None:
    assert when_text(1000.0, 1000.0 + seconds) == shown
    assert when_text(None, 0.0) == "–"


def test_records_that_have_not_changed_stay_the_same_objects() -> None:
    before = [record("a"), record("b")]
    assert known_records([record("a"), record("b")], before) is before
    changed = known_records([record("a"), record("b", state="stopped")], before)
    assert changed is not before and changed[0] is before[0] and changed[1].state == "stopped"
    labelled = known_records([record("a", labels=RunLabels(note="x")), record("b")], before)
    assert labelled[0].labels.note == "x"
    assert known_records([record("b")], before) == before[1:]


def test_tags_are_added_and_taken_away() -> None:
    labels = tagged(RunLabels(tags=("old", "kept")), "new, #paper -old")
    assert labels.tags == ("kept", "new", "paper")
    assert tagged(labels, "new") == labels


PLAN = PlanRecord(
    "p", "P", "x", "test_accuracy_at_best_val", "", (0, 1),
    (PlanRow("low", {}), PlanRow("high", {}), PlanRow("together", {})),
    (
        *(
            PlanCell(row, seed, f"a{row}-s{seed}", cell_digest(cell_settings(alpha, seed)))
            for row, alpha in enumerate((0.1, 0.9))
            for seed in (0, 1)
        ),
        PlanCell(2, 0, "together-s0", "ee"),
    ),
)  # fmt: skip
FOLDER = Path("/runs/p")


def cell_run(name: str, alpha: float, seed: int, **facts: object) -> RunRecord:
    return record(f"p/{name}", seed=seed, boost__alpha=alpha, **facts)  # type: ignore[arg-type]


def states(*records: RunRecord, **ensembles: EnsembleRecord) -> dict[str, tuple[str, float]]:
    named = {name.replace("_", "-"): each for name, each in ensembles.items()}
    progress = build_plan(FOLDER, PLAN, records, named, {})
    return {each.cell.run: (each.state, each.value) for each in progress.cells}


def test_the_states_of_cells() -> None:
    found = states(
        cell_run("a0-s0", 0.1, 0, val=0.71),
        cell_run("a0-s1", 0.1, 1, state="failed"),
        cell_run("a1-s0", 0.5, 0, val=0.6),
        together_s0=EnsembleRecord((), "softmax", "ee", {PLAN.metric: 0.8}),
    )
    assert [state for state, _ in found.values()] == ["done", "failed", "stale", "waiting", "done"]
    assert found["a0-s0"][1] == pytest.approx(0.70) and found["together-s0"][1] == 0.8
    other = EnsembleRecord((), "softmax", "of before", {})
    assert states(together_s0=other)["together-s0"][0] == "stale"


def test_a_cell_is_found_by_its_settings_under_any_name() -> None:
    stale, again = cell_run("a0-s0", 0.5, 0, val=0.1), cell_run("a0-s0-02", 0.1, 0, val=0.71)
    assert states(stale, again)["a0-s0"] == ("done", pytest.approx(0.70))
    crashed = cell_run("a0-s0-03", 0.1, 0, state="crashed")
    assert states(crashed, again)["a0-s0"][0] == "done"


def test_mean_so_far_and_time_remaining_by_hand() -> None:
    progress = build_plan(
        FOLDER,
        replace(PLAN, cells=PLAN.cells[:4]),
        [
            cell_run("a0-s0", 0.1, 0, val=0.71, seconds=100.0),
            cell_run("a0-s1", 0.1, 1, val=0.81, seconds=200.0),
            cell_run("a1-s0", 0.9, 0, state="running", step=250, seconds=20.0),
        ],
        {},
        {},
    )
    # the row's own run tells: 20 s for a quarter; what is left of it, and another whole one
    assert progress.remaining == pytest.approx(60.0 + 80.0)
    first, second, _ = (row.spread for row in progress.rows)
    assert first is not None and first.mean == pytest.approx(0.75) and first.settled
    assert second is None and progress.counts["running"] == 1
    nothing = build_plan(FOLDER, PLAN, [], {}, {})
    assert nothing.remaining is None and nothing.counts["waiting"] == 5


@given(st.integers(40, 200), st.integers(1, 60), st.integers(1, 40))
def test_the_cells_of_a_plan_fit(width: int, longest: int, seeds: int) -> None:
    label, cell, across = layout(width, longest, seeds)
    assert 1 <= across <= seeds and 2 + label + across * cell + 13 + 4 <= width


@pytest.mark.parametrize("glyphs", [BRAILLE, ASCII])
def test_each_state_of_a_cell_is_told_without_colour(glyphs: object) -> None:
    styles = make_styles(glyphs)  # type: ignore[arg-type]
    progress = build_plan(
        FOLDER,
        PLAN,
        [
            cell_run("a0-s0", 0.1, 0, val=0.71),
            cell_run("a0-s1", 0.1, 1, state="failed"),
            cell_run("a1-s0", 0.5, 0, val=0.6),
            cell_run("a1-s1", 0.9, 1, state="running", step=340),
        ],
        {},
        {Path("/runs/p/a1-s1"): "▁▃▅"},
    )
    shown = [cell_text(cell, styles, 12).plain.strip() for cell in progress.cells]
    assert len(set(shown)) == 5 and shown[0] == ".700" and "34%" in shown[3]
    assert ("▁▃▅" in shown[3]) == (glyphs is BRAILLE)
    assert all(text.isascii() for text in shown) or glyphs is BRAILLE


def test_no_number_is_shown_for_a_missing_value() -> None:
    progress = build_plan(FOLDER, PLAN, [cell_run("a0-s0", 0.1, 0, val=math.nan)], {}, {})
    styles = make_styles(BRAILLE)
    assert cell_text(progress.cells[0], styles, 12).plain.strip() == "no value"
    assert set(BASE) < set(cell_settings(0.1, 0))
