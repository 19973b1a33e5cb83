"""A report in the terminal: the verdict, the table and the learning curves, printed once."""

from __future__ import annotations

import numpy as np
from rich.table import Column, Table
from rich.text import Text

from asgml.app.charts.drawing import draw
from asgml.app.output import console
from asgml.app.reports.content import Part, Report
from asgml.app.reports.figures.learning import GAP, LEARNING, rows_drawn
from asgml.app.reports.ranking import ranking_text
from asgml.app.reports.tables import table_of
from asgml.app.reports.verdict import verdict_of
from asgml.app.reports.wording import metric_name
from asgml.storage.format.safe_text import safe


def print_report(report: Report, charts: bool) -> None:
    """Print every part, its table in the order of the plan."""
    said = ranking_text(report)
    for text in [said] if said else []:
        console().print(Text(safe(text)))
    for part in report.parts:
        _print_part(part)
        for chart in _charts(part) if charts else []:
            print(chart)


def _print_part(part: Part) -> None:
    out = console()
    out.print(Text(f"\n{safe(part.title)}", "bold"))
    for sentence in verdict_of(part):
        out.print(Text(safe(sentence)))
    table = table_of(part)
    out.print(Text(f"\n{safe(table.heading)}", "bold"))
    columns = (Column(Text(name), justify="right") for name in table.columns)
    shown = Table(Column("row", overflow="fold"), *columns, box=None, pad_edge=False)
    for row in table.rows:
        style = "bold" if row.best else "dim" if row.baseline else ""
        texts = (Text(safe(entry.text), style) for entry in row.entries)
        shown.add_row(Text(safe(row.label + row.marks), style), *texts)
    out.print(shown)
    for note in table.notes:
        out.print(Text(safe(note), "dim"))


def _charts(part: Part) -> list[str]:
    """Return the learning curves and the probe gap as text, one line for each row that is shown."""
    found = []
    known = [column for column in (*LEARNING[:2], GAP) if part.curves.get(column)]
    for column in known:
        labels = rows_drawn(part, (column,))
        lines = [
            (line.row, np.array(line.x), np.array(line.mean))
            for line in part.curves[column]
            if line.row in labels
        ]
        found.append(draw(f"{metric_name(column)}, mean over seeds, by epoch", lines, axis="epoch"))
    return found
