"""What `asgml compare` prints: the settings that differ, the table of results, notes, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from asgml.app.commands.compare_subjects import Subject
from asgml.app.output import console
from asgml.storage.format.safe_text import one_line
from asgml.storage.statistics.result_table import ResultRow, ResultTable
from asgml.storage.statistics.words import can_tell, interval_text, mean_text, sentence

ABSENT = "–"
LONGEST = 40  # characters of a setting's value


def print_settings(subjects: Sequence[Subject], keys: Sequence[str]) -> None:
    """Print the settings that differ, a column for each subject."""
    if len(subjects) < 2:
        return
    if not keys:
        print("all settings are the same")
        return
    named = (Column(Text(one_line(each.name)), overflow="fold") for each in subjects)
    table = Table("differ", *named, box=None, pad_edge=False)
    for key in keys:
        values = (Text(_value(each.settings.get(key))) for each in subjects)
        table.add_row(Text(one_line(key)), *values)
    console().print(table)
    print()


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(each) for each in value) or None
    text = ABSENT if value is None else one_line(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def print_results(table: ResultTable) -> None:
    """Print what each reached and how it stands against the baseline, and notes below."""
    print(one_line(f"{table.metric}, mean ± std over seeds"))
    columns = ["", "n", "value", "95 % interval"]
    if any(row.on_test for row in table.rows):
        columns.append("best on test")
    if len(table.rows) > 1:
        columns.append(f"against {one_line(table.baseline)}")
    printed = Table(*(Column(Text(name), overflow="fold") for name in columns), box=None,
                    pad_edge=False)  # fmt: skip
    for row in table.rows:
        cells = [row.label, str(row.estimate.n), mean_text(row.estimate, table.metric)]
        cells.append(interval_text(row.estimate.low, row.estimate.high, table.metric))
        if "best on test" in columns:
            cells.append(mean_text(row.on_test, table.metric) if row.on_test else ABSENT)
        cells += [_against(row, table)] if len(table.rows) > 1 else []
        printed.add_row(*(Text(one_line(cell)) for cell in cells))
    console().print(printed)
    for line in _notes(table):
        print(one_line(line))


def _against(row: ResultRow, table: ResultTable) -> str:
    """Return the difference to the baseline; where protocols differ, what keeps it from one."""
    if row.label == table.baseline or row.difference is None:
        return ""
    if row.mark and not row.difference.n:
        return f"not compared: other {row.mark}"
    better = table.better or "high"
    said = sentence(row.difference, table.metric, better=better, p_holm=row.p_holm)
    return f"{said}; some runs have other {row.mark}" if row.mark else said


def _notes(table: ResultTable) -> list[str]:
    """Return lines below the table: missing values, own networks, protocols, what n can tell."""
    notes = [
        f"{row.label}: no value of " + ", ".join(f"seed {s} ({w})" for s, w in row.missing.items())
        for row in table.rows
        if row.missing
    ]
    notes += [f"{row.label}: own {row.own}" for row in table.rows if row.own]
    digests = {digest for row in table.rows for digest in row.digests}
    if len(digests) > 1:
        notes.append(f"{len(digests)} protocols: {', '.join(sorted(digests)[:6])}")
    told = [can_tell(row.difference, table.metric) for row in table.rows if row.difference]
    return notes + [f"{text}, by the spread of its pairs" for text in told if text][:1]


def comparison_to_json(
    table: ResultTable, subjects: Sequence[Subject], keys: Sequence[str]
) -> dict[str, Any]:
    """Return settings that differ and results as JSON values."""
    return {
        "metric": table.metric,
        "better": table.better,
        "baseline": table.baseline,
        "differ": {key: {e.name: e.settings.get(key) for e in subjects} for key in keys},
        "rows": [_row_record(row) for row in table.rows],
    }


def _row_record(row: ResultRow) -> dict[str, Any]:
    return {
        "name": row.label,
        "runs": row.runs,
        "values": row.values,
        "missing": row.missing,
        **asdict(row.estimate),
        "best_on_test": asdict(row.on_test) if row.on_test else None,
        "difference": asdict(row.difference) if row.difference else None,
        "p_holm": row.p_holm,
        "protocols": row.digests,
        "other_protocol": row.mark,
        "own": row.own,
    }
