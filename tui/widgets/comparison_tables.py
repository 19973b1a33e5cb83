"""The tables of a comparison: settings that differ, values at one place, statistics."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import setting
from asgml.tui.scene.comparison import Comparison, Subject, letter_of
from asgml.tui.scene.comparison_view import ComparisonView
from asgml.tui.scene.panels import Panel
from asgml.tui.scene.subject_curves import SubjectCurves
from asgml.tui.terminal.format import clip, fit, shorten
from asgml.tui.terminal.measured_text import measured_style, measured_text
from asgml.tui.terminal.theme import Styles

if TYPE_CHECKING:
    from asgml.storage.statistics.result_table import ResultRow, ResultTable

_LEAST_COLUMN = 7
"""Cells of a column of values; of settings it may be wider."""
_LEAST_NAME, _MOST_NAME = 12, 26
Cell = tuple[str, Style]


def settings_rows(comparison: Comparison, styles: Styles, width: int) -> list[Text]:
    """Return the settings that differ, a column for each subject; a letter heads each."""
    subjects = comparison.subjects
    if not comparison.differing:
        same = "all settings are equal" if len(subjects) > 1 else "nothing to compare with"
        return [Text(same, styles.muted)]
    rows = [
        (key, [_setting(subject, key, styles) for subject in subjects])
        for key in comparison.differing
    ]
    widest = max(len(text) for _, cells in rows for text, _ in cells)
    if _LEAST_NAME + (widest + 1) * len(subjects) > width:
        return _settings_by_subject(comparison, styles, width)
    return _columns(rows, subjects, styles, width)


def _settings_by_subject(comparison: Comparison, styles: Styles, width: int) -> list[Text]:
    """Return the settings of each subject in lines of its own, where columns are too narrow."""
    lines: list[Text] = []
    for subject in comparison.subjects:
        known = [key for key in comparison.differing if key in subject.settings]
        told = ", ".join(f"{key}={setting(subject.settings[key])}" for key in known)
        for number_, part in enumerate(textwrap.wrap(safe(told), max(width - 2, 10)) or [""]):
            letter = subject.letter if number_ == 0 else " "
            line = Text(f"{letter} ", styles.curve(subject.place))
            lines.append(line.append(part, styles.text))
    return lines


def _setting(subject: Subject, key: str, styles: Styles) -> Cell:
    if key not in subject.settings:
        return styles.glyph("–", "-"), styles.muted
    return safe(setting(subject.settings[key])), styles.text


def value_rows(
    comparison: Comparison,
    panels: Sequence[Panel],
    view: ComparisonView,
    kept: SubjectCurves,
    styles: Styles,
    width: int,
) -> list[Text]:
    """Return the value of every curve at the cursor, or the newest; a column for each subject."""
    subjects = comparison.shown(view.hidden)
    rows = []
    for line in dict.fromkeys(line for panel in panels for line in panel.lines):
        curves = [kept.curve(subject, line, view, None) for subject in subjects]
        values = [None if curve is None else curve.value(view.cursor) for curve in curves]
        cells = [
            (measured_text(value, styles), measured_style(value, styles, styles.text))
            for value in values
        ]
        rows.append((line.column, cells))
    return _columns(rows, subjects, styles, width)


def _columns(
    rows: Sequence[tuple[str, list[Cell]]], subjects: Sequence[Subject], styles: Styles, width: int
) -> list[Text]:
    """Return a heading of letters and a line for each row; names give way to values."""
    if not subjects:
        return []
    widest = max((len(text) for _, cells in rows for text, _ in cells), default=0)
    names = min(max((len(name) for name, _ in rows), default=0), _MOST_NAME)
    room = max(width - max(names, _LEAST_NAME), 0) // len(subjects)
    if room < _LEAST_COLUMN:
        room = max((width - _LEAST_NAME) // len(subjects), 3)
    column = min(max(widest + 1, _LEAST_COLUMN), room)
    name = max(width - column * len(subjects), 4)
    name = min(name, max(names, _LEAST_NAME) + 2)
    heading = Text(" " * name)
    for subject in subjects:
        heading.append(f"{subject.letter:>{column}}", styles.curve(subject.place))
    return [heading, *(_row(title, cells, name, column, styles) for title, cells in rows)]


def _row(title: str, cells: Sequence[Cell], name: int, column: int, styles: Styles) -> Text:
    line = Text(fit(shorten(safe(title), name - 1), name), styles.muted)
    for text, style in cells:
        shown = clip(text, column - 1)
        line.append(" " * (column - len(shown)) + shown, style)
    return line


def statistics_title(comparison: Comparison) -> str:
    """Return what the table is about and what its rows are measured against."""
    table = comparison.table
    if table is None:
        return "statistics"
    return f"{table.metric}, against {letter_of(comparison, table.baseline)}"


def statistics_rows(
    comparison: Comparison, styles: Styles, width: int, height: int = 100
) -> list[Text]:
    """Return mean and spread of each subject, its difference to the baseline, and what it shows.

    What is too long for its line goes on in a second one, where all fit into `height`.
    """
    table = comparison.table
    if table is None:
        return []
    found = [(subject, table.row(subject.name)) for subject in comparison.subjects]
    pairs = [
        (_estimate_text(subject, row, table, styles), _told_text(row, table, styles))
        for subject, row in found
        if row is not None
    ]
    spread = [line for left, right in pairs for line in _spread(left, right, width)]
    if len(spread) <= height:
        return spread
    rows = [left.append_text(right) for left, right in pairs]
    for row in rows:
        row.truncate(width, overflow="ellipsis")
    return rows


def _spread(left: Text, right: Text, width: int) -> list[Text]:
    """Return both texts in as many lines as they need."""
    if left.cell_len + right.cell_len <= width:
        return [left.copy().append_text(right)]
    words = textwrap.wrap(right.plain, max(width - 2, 10))
    return [left.copy(), *(Text(f"  {line}", right.style) for line in words)]


def _estimate_text(subject: Subject, row: ResultRow, table: ResultTable, styles: Styles) -> Text:
    from asgml.storage.statistics.words import mean_text

    line = Text("").append(f"{subject.letter} ", styles.curve(subject.place))
    line.append(fit(mean_text(row.estimate, table.metric), 13), styles.text)
    return line.append(fit(f"n={row.estimate.n}", 5), styles.muted)


def _told_text(row: ResultRow, table: ResultTable, styles: Styles) -> Text:
    from asgml.storage.statistics.words import sentence

    told = _told(row, table)
    if not told and row.difference is not None:
        told = sentence(row.difference, table.metric, better=table.better, p_holm=row.p_holm)
        told += _p_text(row)
    return Text(told, styles.warn if row.mark else styles.text)


def _told(row: ResultRow, table: ResultTable) -> str:
    """Return why a row is not compared; "" where it may be."""
    if row.label == table.baseline:
        return "what the others are measured against"
    if row.estimate.n == 0:
        reasons = dict.fromkeys(row.missing.values())
        return f"no result yet ({', '.join(reasons)})" if reasons else "no result"
    return f"not compared: {row.mark}" if row.mark else ""


def _p_text(row: ResultRow) -> str:
    """Return the corrected p of a difference that was seen; a sentence tells of others."""
    from asgml.storage.statistics.words import LEVEL

    known = row.difference is not None and row.difference.excludes_zero
    return f", Holm p {row.p_holm:.2g}" if known and row.p_holm <= LEVEL else ""
