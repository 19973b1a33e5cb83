"""The table of a part as texts, the same for every form of a report."""

from __future__ import annotations

import math
from dataclasses import dataclass

from asgml.app.reports.content import Part
from asgml.app.reports.results import best_row, results_of, validation_of
from asgml.app.reports.wording import heading, p_text, unit_text
from asgml.storage.statistics.estimate import Estimate, estimate
from asgml.storage.statistics.result_table import ResultRow
from asgml.storage.statistics.words import interval_text, mean_text, signed

OTHER_PROTOCOL = "†"
FEWER_SEEDS = "‡"


@dataclass(frozen=True)
class Entry:
    """One cell of the table: its text, and the number that it sorts by, None for none."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class TableRow:
    """One row: its label with marks, its entries, and the class of emphasis."""

    label: str
    marks: str
    entries: tuple[Entry, ...]
    best: bool
    baseline: bool
    seen: int  # sign of a difference whose interval excludes zero, else 0


@dataclass(frozen=True)
class Table:
    """A table: heading, names of the columns but the first, rows, and notes beneath."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]


def table_of(part: Part) -> Table:
    """Return the table of a part, its rows in the order of the plan."""
    table = results_of(part)
    best = best_row(part, table)
    validation = {row.label: validation_of(row) for row in part.rows}
    columns = _columns(table.rows, any(each.n for each in validation.values()))
    rows = tuple(
        TableRow(
            row.label,
            (OTHER_PROTOCOL if row.mark else "") + (FEWER_SEEDS if row.missing else ""),
            tuple(_entries(part, row, validation[row.label])[name] for name in columns),
            best is not None and row.label == best.label,
            bool(table.baseline) and row.label == table.baseline,
            _seen(row),
        )
        for row in table.rows
    )
    return Table(heading(part), columns, rows, tuple(_notes(part, table.rows, columns)))


def _seen(row: ResultRow) -> int:
    found = row.difference
    if found is None or not found.excludes_zero:
        return 0
    return 1 if found.mean > 0 else -1


def _columns(rows: tuple[ResultRow, ...], validation: bool) -> tuple[str, ...]:
    """Return the names of the columns that have an entry in some row."""
    compared = [row.difference for row in rows if row.difference]
    columns = ["mean ± std", "n", "95 % interval"]
    if compared:
        columns += ["difference", "its 95 % interval", "p"]
        columns += ["p (Wilcoxon)"] if any(each.p_wilcoxon for each in compared) else []
        columns += ["p (Holm)"]
    columns += ["best-on-test"] if any(row.on_test for row in rows) else []
    return tuple([*columns, *(["validation"] if validation else [])])


def _entries(part: Part, row: ResultRow, validation: Estimate) -> dict[str, Entry]:
    """Return every entry of a row by its column."""
    metric, chosen, found = part.metric, row.estimate, row.difference
    on_test = row.on_test or estimate([])
    entries = {
        "mean ± std": _entry(mean_text(chosen, metric), chosen.mean),
        "n": _entry(str(chosen.n), chosen.n),
        "95 % interval": _entry(interval_text(chosen.low, chosen.high, metric), chosen.low),
        "best-on-test": _entry(mean_text(on_test, metric), on_test.mean),
        "validation": _entry(mean_text(validation, metric), validation.mean),
    }
    if found is None:
        none = "baseline" if row.label == part.baseline else "–"
        return entries | {
            "difference": Entry(none),
            **dict.fromkeys(("its 95 % interval", "p", "p (Wilcoxon)", "p (Holm)"), Entry("")),
        }
    wilcoxon = math.nan if found.p_wilcoxon is None else found.p_wilcoxon
    return entries | {
        "difference": _entry(signed(found.mean, metric), found.mean),
        "its 95 % interval": _entry(_ends(found.low, found.high, metric), found.low),
        "p": _entry(p_text(found.p_t), found.p_t),
        "p (Wilcoxon)": _entry(p_text(wilcoxon), wilcoxon),
        "p (Holm)": _entry(p_text(row.p_holm), row.p_holm),
    }


def _ends(low: float, high: float, metric: str) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return "–"
    return f"{signed(low, metric)} to {signed(high, metric)}"


def _entry(text: str, value: float) -> Entry:
    return Entry(text, value if math.isfinite(value) else None)


def _notes(part: Part, rows: tuple[ResultRow, ...], columns: tuple[str, ...]) -> list[str]:
    notes = [
        "mean ± standard deviation over seeds; the interval is Student's t. Bold: the row whose "
        "paired 95 % interval against every other row excludes zero; none is bold where no row is "
        "that far ahead."
    ]
    if "difference" in columns:
        points = ", in points" if unit_text(part.metric) else ""
        notes.append(
            f"difference: to {part.baseline}, paired by seed{points}; p of the paired t-test, then "
            "corrected by Holm over the rows of this table."
        )
    if "best-on-test" in columns:
        notes.append(
            "best-on-test: the best test value among the epochs that were tested, chosen on the "
            "test set; it stands here for comparison with the literature only."
        )
    marked = [f"{row.label} ({row.mark})" for row in rows if row.mark]
    if marked:
        notes.append(
            f"{OTHER_PROTOCOL} not to be compared with {part.baseline or 'the others'}, for its "
            f"protocol differs: {'; '.join(marked)}."
        )
    own = [f"{row.label} ({row.own})" for row in rows if row.own]
    if own:
        notes.append(f"Part of what a row is about, and different in it: {'; '.join(own)}.")
    turned = [
        f"{row.label}, seed {cell.seed} ({', '.join(cell.steered)})"
        for row in part.rows
        for cell in row.cells
        if cell.steered and not cell.why
    ]
    if turned:
        notes.append(
            f"Steered while it trained, so not with its row's settings: {'; '.join(turned)}."
        )
    if any(row.missing for row in rows):
        notes.append(f"{FEWER_SEEDS} a mean over fewer seeds than were asked for.")
    return notes
