"""What a report says: the table, the verdict, the checklist, and what its figures are made of."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from report_kit import MODALITIES, PROTOCOL, cell, missing, part, report, row, strengths
from scipy import stats

from asgml.app.reports.checklist import checklist_of
from asgml.app.reports.content import METRIC, Part, Row
from asgml.app.reports.figures.gallery import pictures_of
from asgml.app.reports.figures.learning import learning_curves
from asgml.app.reports.figures.sensitivity import curves_of
from asgml.app.reports.figures.spectrum import factor_of
from asgml.app.reports.ranking import ranking_of, ranking_text
from asgml.app.reports.results import best_row, results_of, values_of
from asgml.app.reports.tables import Table, table_of
from asgml.app.reports.verdict import verdict_of


def entries(table: Table, label: str) -> dict[str, str]:
    """The texts of a row by column."""
    found = next(each for each in table.rows if each.label == label)
    return dict(zip(table.columns, (entry.text for entry in found.entries), strict=True))


def test_the_table_against_scipy() -> None:
    given = part()
    table, (base, ogm, boost) = table_of(given), given.rows
    a, b = (np.array(list(values_of(each).values())) * 100 for each in (boost, base))
    shown = entries(table, "Boost")
    assert shown["mean ± std"] == f"{a.mean():.1f} ± {a.std(ddof=1):.1f}"
    low, high = stats.t.interval(0.95, 4, a.mean(), stats.sem(a))
    assert shown["95 % interval"] == f"{low:.1f} to {high:.1f}"
    test = stats.ttest_rel(a, b)
    ends = test.confidence_interval(0.95)
    assert shown["difference"] == f"{(a - b).mean():+.1f}"
    assert shown["its 95 % interval"] == f"{ends.low:+.1f} to {ends.high:+.1f}"
    other = stats.ttest_rel(np.array(list(values_of(ogm).values())) * 100, b)
    least, most = sorted((test.pvalue, other.pvalue))
    holm = {least: min(1, 2 * least), most: max(min(1, 2 * least), most)}
    found = results_of(given).row("Boost")
    assert found is not None and found.p_holm == pytest.approx(holm[test.pvalue])
    assert entries(table, "Baseline")["difference"] == "baseline"


def test_best_on_test_stands_beside_the_chosen_value_under_that_name() -> None:
    given = part()
    shown = entries(table_of(given), "Boost")
    chosen = np.mean([one.values[METRIC] for one in given.rows[2].cells])
    assert shown["best-on-test"].startswith(f"{100 * (chosen + 0.011):.1f}")
    assert any("chosen on the test set" in note for note in table_of(given).notes)


def test_the_rows_keep_the_order_of_the_plan() -> None:
    rows = [row("c", 0.5), row("a", 0.9), row("b", 0.1)]
    assert [each.label for each in table_of(part(rows)).rows] == ["c", "a", "b"]


def test_the_best_row_is_bold_only_where_the_interval_allows_it() -> None:
    near, far = row("near", 0.660), row("far", 0.71)
    clear = part([row("Baseline", 0.62), near, far])
    assert best_row(clear, results_of(clear)) is clear.rows[2]
    assert [each.best for each in table_of(clear).rows] == [False, False, True]
    ragged = tuple(
        replace(one, values={METRIC: one.values[METRIC] + (-1) ** one.seed / 10})
        for one in far.cells
    )
    unclear = part([row("Baseline", 0.62), near, replace(far, cells=ragged)])
    assert not any(each.best for each in table_of(unclear).rows)


def test_a_lower_error_is_better() -> None:
    rows = [row("Baseline", 0.7), row("worse", 0.8), row("better", 0.6)]
    given = part(rows, metric="test_mae_at_best_val", better="low")
    assert [each.best for each in table_of(given).rows] == [False, False, True]
    said = " ".join(verdict_of(given))
    assert "lowest" in said and "1 is better (better)" in said and "1 is worse (worse)" in said


def test_cells_without_a_value_are_named_in_the_heading_and_marked() -> None:
    boost = row("Boost", 0.71, range(4))
    given = part([row("Baseline", 0.62), replace(boost, cells=(*boost.cells, missing(4)))])
    table = table_of(given)
    assert "1 of 10 cells missing: Boost, seed 4: failed" in table.heading
    assert [each.marks for each in table.rows] == ["", "‡"]
    assert entries(table, "Boost")["n"] == "4"
    assert "1 of 10 cells without a value" in verdict_of(given)[2]


def test_a_row_of_another_protocol_is_marked_and_not_compared() -> None:
    other = replace(row("Boost", 0.71), cells=tuple(
        replace(one, protocol="other0000000") for one in row("Boost", 0.71).cells
    ))  # fmt: skip
    protocols = {"7f3a00000000": PROTOCOL, "other0000000": {**PROTOCOL, "epochs": 99}}
    given = part([row("Baseline", 0.62), other], protocols=protocols)
    table = table_of(given)
    assert [each.marks for each in table.rows] == ["", "†"]
    assert entries(table, "Boost")["difference"] == "–"
    assert not any(each.best for each in table.rows)


def test_a_run_that_was_steered_is_named() -> None:
    given = with_cells(part(), 2, steered=("boost.alpha",))
    assert any("Boost, seed 0 (boost.alpha)" in note for note in table_of(given).notes)
    assert not any("Steered" in note for note in table_of(part()).notes)


def test_the_verdict_says_no_more_than_the_interval() -> None:
    same = part([row("Baseline", 0.62), row("Other", 0.621)])
    said = " ".join(verdict_of(same))
    assert "no difference" in said and "equal" not in said.replace("equal tuning", "")
    assert "better" not in said and "ahead" not in said
    assert len(verdict_of(same)) == 3
    clear = " ".join(verdict_of(part()))
    assert "Boost has the highest mean" in clear and "ahead of every other row" in clear
    assert "seeds can tell" in clear and "80 % power" in clear


def test_without_runs_or_baseline_the_verdict_says_so() -> None:
    empty = part([replace(row("Baseline", 0.62), cells=(missing(0), missing(1)))])
    assert verdict_of(empty)[0].startswith("No run has a value")
    assert "No row is named as the baseline" in verdict_of(part(baseline=""))[1]


def complete() -> Part:
    """A part to which nothing is lacking."""
    tuned = {"trials": 8, "keys": {"optimizer.lr": "1e-4 to 1e-1"}, "seeds": [100]}
    alone = [row(name, 0.5, modalities=(name,), tuned=tuned) for name in MODALITIES]
    joint = [row("Baseline", 0.62, tuned=tuned), row("Boost", 0.71, tuned=tuned)]
    return part([*joint, *alone])


def with_cells(given: Part, index: int, **changes: object) -> Part:
    """The part with these fields changed in all cells of one row."""
    rows = list(given.rows)
    cells = tuple(replace(one, **changes) for one in rows[index].cells)  # type: ignore[arg-type]
    rows[index] = replace(rows[index], cells=cells)
    return replace(given, rows=tuple(rows))


def with_row(given: Part, index: int, **changes: object) -> Part:
    rows = list(given.rows)
    rows[index] = replace(rows[index], **changes)  # type: ignore[arg-type]
    return replace(given, rows=tuple(rows))


def without_last_seed(given: Part) -> Part:
    return with_row(given, 1, cells=given.rows[1].cells[:-1])


def lone_seeds(given: Part) -> Part:
    cells = tuple(cell("Boost", seed, 0.7) for seed in range(10, 15))
    return with_row(given, 1, cells=cells)


LACKING: dict[str, tuple[set[str], Callable[[Part], Part]]] = {
    "no unimodal row": ({"tuned unimodals"}, lambda p: replace(p, rows=p.rows[:3])),
    "an untuned unimodal row": (
        {"tuned unimodals", "equal tuning budget"},
        lambda p: with_row(p, 2, tuned={}),
    ),
    "another budget": ({"equal tuning budget"}, lambda p: with_row(p, 1, tuned={"trials": 9})),
    "four seeds": ({"seeds ≥ 5"}, without_last_seed),
    "no protocol": ({"one protocol"}, lambda p: with_cells(p, 1, protocol="")),
    "no baseline": ({"paired statistics, corrected"}, lambda p: replace(p, baseline="")),
    "no seed in common": ({"paired statistics, corrected"}, lone_seeds),
    "test at each epoch": ({"test read once"}, lambda p: with_cells(p, 0, test_readings=15)),
    "test never": ({"test read once"}, lambda p: with_cells(p, 0, test_readings=0)),
    "two versions": (
        {"one version of the code"},
        lambda p: with_cells(p, 1, versions={"asgml": "0.1.0"}),
    ),
    "two commits of asgml": (
        {"one version of the code"},
        lambda p: with_cells(p, 1, versions={"asgml": "0.2.0", "asgml_commit": "ab" * 20}),
    ),
    "two commits": ({"one version of the code"}, lambda p: with_cells(p, 1, commit="f" * 40)),
    "changed code": ({"one version of the code"}, lambda p: with_cells(p, 1, dirty=True)),
    "a person in two splits": (
        {"groups in one split each"},
        lambda p: with_cells(p, 1, groups_shared=3),
    ),
}


def test_a_complete_part_has_every_item_ticked() -> None:
    items = checklist_of(with_cells(complete(), 0, groups_shared=0))
    assert [item.name for item in items if not item.done] == []
    assert len(items) == 8
    assert "the checklist of reliability is complete" in verdict_of(complete())[2]


@pytest.mark.parametrize("lacking", LACKING)
def test_what_is_lacking_is_open_and_told_what_to_do_and_nothing_else_is(lacking: str) -> None:
    names, change = LACKING[lacking]
    items = [item for item in checklist_of(change(complete())) if not item.done]
    assert {item.name for item in items} == names
    assert all(item.remedy for item in items)


def test_an_ensemble_is_no_run_and_has_no_version_of_its_own() -> None:
    both = row("Both", 0.7, settings={"ensemble": ["audio", "visual"]})
    cells = (replace(c, state="ensemble", versions={}, commit="", test_readings=None)
             for c in both.cells)  # fmt: skip
    given = complete()
    items = checklist_of(replace(given, rows=(*given.rows, replace(both, cells=tuple(cells)))))
    assert [item.name for item in items if not item.done] == []


def test_runs_that_were_tested_more_often_are_told_by_their_times() -> None:
    twice = with_cells(with_cells(complete(), 0, test_readings=2), 1, test_readings=15)
    (found,) = [item.found for item in checklist_of(twice) if item.name == "test read once"]
    assert found == f"2 times: {twice.rows[0].label}; 15 times: {twice.rows[1].label}"


def test_a_sensitivity_curve_needs_three_values_of_one_setting_all_else_equal() -> None:
    def boost(alpha: float, **others: object) -> Row:
        settings = {"method": "boost", "boost.alpha": alpha, **others}
        return row(f"{alpha} {others}", 0.6 + alpha / 10, settings=settings)

    values = (0.75, 0.25, 0.5)
    rows = [row("Baseline", 0.62, settings={"method": "baseline"}), *map(boost, values)]
    (curve,) = curves_of(part(rows))
    assert (curve.key, curve.fixed) == ("boost.alpha", "method = boost")
    assert [value for value, _ in curve.points] == [0.25, 0.5, 0.75]
    means = [np.mean(list(values_of(boost(value)).values())) for value in sorted(values)]
    assert [found.mean for _, found in curve.points] == pytest.approx(means)
    assert curves_of(part(rows[:3])) == []
    mixed = [boost(0.25), boost(0.5), boost(0.75, epochs=7)]
    assert curves_of(part(mixed)) == []


def test_the_factor_of_the_spectrum_is_after_over_before() -> None:
    audio, visual = strengths(row("OGM-GE", 0.66))
    assert factor_of(audio) == pytest.approx(
        [a / b for a, b in zip(audio.after, audio.before, strict=True)]
    )
    assert max(factor_of(audio)) < 1
    held = replace(visual, before=(0.0, 2.0), after=(0.0, 1.0))
    assert factor_of(held) == [0.5]


def test_ranks_are_told_from_four_data_sets_on() -> None:
    parts = [part([row("A", 0.5 + i / 50), row("B", 0.6), row("C", 0.7)]) for i in range(4)]
    assert ranking_of(report(*parts[:3])) is None and ranking_text(report(*parts[:3])) == ""
    ranking = ranking_of(report(*parts))
    assert ranking is not None
    assert dict(ranking.ranks) == {"C": 1.0, "B": 2.0, "A": 3.0}
    assert "1 is best" in ranking_text(report(*parts)) and "C 1.00" in ranking_text(report(*parts))


def test_an_error_and_an_accuracy_rank_the_same_way() -> None:
    high = [part([row("A", 0.9), row("B", 0.6), row("C", 0.3)]) for _ in range(3)]
    low = part([row("A", 0.3), row("B", 0.6), row("C", 0.9)], better="low")
    ranking = ranking_of(report(*high, low))
    assert ranking is not None and dict(ranking.ranks) == {"A": 1.0, "B": 2.0, "C": 3.0}


@functools.cache
def drawn() -> dict[str, str]:
    """The captions of the figures of a plain report, by name."""
    return {picture.name: picture.caption for picture in pictures_of(report(), ("svg",))}


def test_the_figures_that_the_data_gives_are_drawn_and_no_others() -> None:
    names = set(drawn())
    assert names == {"differences", "learning", "gap", "spectrum", "gain", "boost"}
    bare = part(curves={}, spectrum=(), baseline="")
    assert pictures_of(report(bare), ("svg",)) == []


def test_nothing_is_drawn_of_rows_whose_gain_stays_at_one() -> None:
    assert "stays at 1: Baseline" in drawn()["gain"]


def test_a_curve_of_one_seed_has_no_band_and_is_drawn() -> None:
    single = part([row("Baseline", 0.62, [0]), row("Boost", 0.71, [0])], seeds=(0,))
    line = single.curves["val_accuracy"][0]
    assert all(math.isnan(value) for value in (*line.low, *line.high) if value is not None)
    assert learning_curves(single) is not None
