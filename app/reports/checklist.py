"""The checklist of reliability: what a reader may ask of a table, ticked from the runs alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from asgml.app.reports.content import ENSEMBLE, METRIC, Cell, Part, Row
from asgml.app.reports.results import find_row, results_of
from asgml.app.reports.wording import asgml_text, count, listed

SEEDS = 5
"""Fewest seeds of a row: fewer give an interval of more than 1.2 standard deviations."""
DIGITS = 12


@dataclass(frozen=True)
class Item:
    """One item: what the runs show, and what to do where it is missing."""

    name: str
    done: bool
    found: str
    remedy: str = ""


def checklist_of(part: Part) -> list[Item]:
    """Return the items in the order in which a reader asks."""
    items = [check(part) for check in CHECKS]
    return [item for item in items if item is not None]


def tuned_unimodals(part: Part) -> Item:
    """Each modality alone, tuned: what a joint model has to beat."""
    wanted = sorted({name for row in part.rows for name in row.modalities})
    alone = {row.modalities[0]: row for row in part.rows if len(row.modalities) == 1}
    referenced = {name for row in part.rows for name in row.references}
    known = [name for name in wanted if name in alone or name in referenced]
    missing = [name for name in wanted if name not in known]
    untuned = [name for name in known if not (name in alone and alone[name].tuned)]
    name = "tuned unimodals"
    if missing or not wanted:
        which = f"not trained alone: {listed(missing)}" if missing else "modalities unknown"
        return Item(name, False, which, "add a row with alone = true, one for each modality")
    if untuned:
        found = f"{listed(known)} trained alone, {listed(untuned)} not tuned"
        return Item(name, False, found, "add [tune] to the plan, with the unimodal rows in it")
    return Item(name, True, f"{listed(known)} trained alone and tuned")


def equal_budget(part: Part) -> Item:
    """The same number of tuning trials for every row."""
    trained = [row for row in part.rows if "ensemble" not in row.settings]
    trials = {row.label: _trials(row) for row in trained}
    budgets = sorted(set(trials.values()))
    name = "equal tuning budget"
    if budgets in ([0], []):
        found = "no row was tuned in this plan; what was tuned elsewhere is not known"
        return Item(name, False, found, "add [tune] to the plan: the same trials for every row")
    if len(budgets) == 1:
        return Item(name, True, f"{count(budgets[0], 'trial')} for every row")
    groups = [
        f"{count(budget, 'trial')}: {listed([row for row, had in trials.items() if had == budget])}"
        for budget in budgets
    ]
    return Item(name, False, "; ".join(groups), "tune every row with the same number of trials")


def enough_seeds(part: Part) -> Item:
    """Five seeds or more in every row."""
    counts = {row.label: sum(METRIC in cell.values for cell in row.cells) for row in part.rows}
    few = [f"{label} ({n})" for label, n in counts.items() if n < SEEDS]
    least = min(counts.values(), default=0)
    name = f"seeds ≥ {SEEDS}"
    if few:
        return Item(name, False, f"fewer in {listed(few)}", f"give {SEEDS} seeds or more, go on")
    return Item(name, True, f"{count(least, 'seed')} or more in every row")


def one_protocol(part: Part) -> Item:
    """One protocol, but for what a row is about: its network, its tuned settings."""
    rows = [row for row in results_of(part).rows if row.values]
    name = "one protocol"
    marked = [f"{row.label} differs in {row.mark}" for row in rows if row.mark]
    if marked or not rows:
        remedy = "train these rows again on the same data, splits and settings"
        return Item(name, False, "; ".join(marked) or "no run has a value", remedy)
    own = [f"{row.label} in {row.own}" for row in rows if row.own]
    said = "the same data, splits, epochs and selection in every run"
    return Item(name, True, said + (f"; rows of their own: {'; '.join(own)}" if own else ""))


def paired_statistics(part: Part) -> Item:
    """Differences paired by seed, with a correction for the number of rows."""
    name = "paired statistics, corrected"
    baseline = find_row(part, part.baseline)
    if baseline is None:
        return Item(name, False, "no baseline", "name one: baseline in the plan, or --baseline")
    seeds = {cell.seed for cell in baseline.cells if METRIC in cell.values}
    lone = [
        row.label
        for row in part.rows
        if row is not baseline
        and sum(cell.seed in seeds and METRIC in cell.values for cell in row.cells) < 2
    ]
    if lone or len(part.rows) < 2:
        found = f"fewer than 2 seeds in common with {baseline.label}: {listed(lone)}"
        return Item(name, False, found if lone else "one row", "train these seeds of the baseline")
    found = f"t-test on the same seeds as {baseline.label}, Holm over {len(part.rows) - 1} rows"
    return Item(name, True, found.replace("1 rows", "1 row"))


def test_read_once(part: Part) -> Item:
    """The test split, read once by each run, after validation has chosen."""
    name = "test read once"
    trained = _trained(part)
    unknown = _labels(part, lambda cell: not cell.test_readings)
    if not trained or unknown:
        found = f"not known, or never: {listed(unknown)}" if unknown else "no run"
        return Item(name, False, found, "train with eval.test = end")
    often = {times for _, cell in trained if (times := cell.test_readings or 0) > 1}
    if often:
        said = [f"{times} times: {listed(_read(part, times))}" for times in sorted(often)]
        remedy = "set eval.test = end, and train these runs in one go"
        return Item(name, False, "; ".join(said), remedy)
    return Item(name, True, "at the end, with the epoch that validation had chosen")


def _read(part: Part, times: int) -> list[str]:
    return _labels(part, lambda cell: cell.test_readings == times)


def one_code(part: Part) -> Item:
    """One version of asgml and of the user's own code, with no change that is not committed."""
    cells = [cell for _, cell in _trained(part)]
    name = "one version of the code"
    versions = sorted({asgml_text(cell) for cell in cells})
    commits = sorted({cell.commit for cell in cells})
    remedy = "train all cells with one version, from a clean checkout"
    if not cells or not all(cell.versions.get("asgml") for cell in cells):
        return Item(name, False, "some runs do not tell their version of asgml", remedy)
    if len(versions) > 1 or len(commits) > 1:
        own = [commit[:DIGITS] or "no commit" for commit in commits if len(commits) > 1]
        return Item(name, False, f"several: {', '.join([*versions, *own])}", remedy)
    commit = f", commit {commits[0][:DIGITS]} of the user's code" if commits[0] else ""
    if any(cell.dirty or asgml_text(cell).endswith("+") for cell in cells):
        return Item(name, False, f"asgml {versions[0]}{commit}, with changes", remedy)
    return Item(name, True, f"asgml {versions[0]}{commit}")


def disjoint_groups(part: Part) -> Item | None:
    """No person, or other group, in two splits; None where data has no groups."""
    known = [cell for _, cell in _trained(part) if cell.groups_shared is not None]
    if not known:
        return None
    most = max(cell.groups_shared or 0 for cell in known)
    name = "groups in one split each"
    if most:
        return Item(name, False, f"{count(most, 'group')} in two splits", "use folds by group")
    return Item(name, True, "no group of the data is in two splits")


CHECKS: tuple[Callable[[Part], Item | None], ...] = (
    tuned_unimodals, equal_budget, enough_seeds, one_protocol, paired_statistics, test_read_once,
    one_code, disjoint_groups,
)  # fmt: skip


def _trials(row: Row) -> int:
    trials = row.tuned.get("trials", 0)
    return trials if type(trials) is int and trials > 0 else 0


def _trained(part: Part) -> list[tuple[Row, Cell]]:
    """Return the cells that count and were trained: an ensemble is no run."""
    return [
        (row, cell)
        for row in part.rows
        for cell in row.cells
        if METRIC in cell.values and cell.state != ENSEMBLE
    ]


def _labels(part: Part, chosen: Callable[[Cell], bool]) -> list[str]:
    """Return the labels of rows with a trained cell that counts and is so."""
    return list(dict.fromkeys(row.label for row, cell in _trained(part) if chosen(cell)))
