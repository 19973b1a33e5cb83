"""The table of metrics: last, best and change of each in numbers, and its course in one line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import number
from asgml.tui.scene.panels import matches_filter
from asgml.tui.scene.scene import MetricRow, Scene
from asgml.tui.scene.series import Summary
from asgml.tui.scene.view_state import View
from asgml.tui.terminal.format import clip, fit, short_count, signed
from asgml.tui.terminal.measured_text import measured_style, measured_text
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.box import Box, more_text

_NUMBERS = (("last", 8), ("best", 7), ("at", 6), ("change", 7))
"""Title and cells of each number, the most important first."""
_MARKER = 2
_LEAST_NAME = 15
"""Cells of a name that are worth more than one more number beside it."""
_BRIEF_WIDTH = 37
"""Cells of one metric where several stand in a row."""
_NO_CHANGE = 1e-4
"""Share of a number below which a change would not show in its last digit."""
_ASCII_SPARKLINE = str.maketrans("▁▂▃▄▅▆▇█", "__..--^^")


class Values(Box):
    """The table of metrics, framed with headings, or brief in several columns."""

    def show_scene(self, scene: Scene, view: View, framed: bool) -> None:
        """Show the metrics that match the filter, as many as fit."""
        styles, filter_text = self.theme_styles, view.filter_text
        rows = filtered(scene.rows, filter_text)
        self.title = "metrics" + (f" “{filter_text}”" if filter_text else "")
        if not framed:
            self.show(value_columns(rows, styles, self.size.width, self.size.height))
            return
        width, height = self.inner
        shown = [value_row(row, styles, width) for row in rows[: height - 1]]
        self.show_box([value_heading(styles, width), *shown], below=len(rows) - len(shown))


def filtered(rows: Sequence[MetricRow], filter_text: str) -> list[MetricRow]:
    """Return the rows whose column or panel holds every word of the filter."""
    return [row for row in rows if matches_filter(f"{row.column} {row.metric.panel}", filter_text)]


def value_heading(styles: Styles, width: int) -> Text:
    """Return the titles above the numbers."""
    name, columns = _layout(width)
    titles = "".join(f"{title:>{cells}}" for title, cells in columns)
    return Text(" " * (name + _MARKER) + titles, styles.muted)


def _layout(width: int) -> tuple[int, list[tuple[str, int]]]:
    """Return the cells for the name, and title and cells of each number there is room for."""
    columns = list(_NUMBERS)
    while len(columns) > 1 and _beside(columns, width) < _LEAST_NAME:
        columns.pop()
    return max(_beside(columns, width), 4), columns


def _beside(columns: Sequence[tuple[str, int]], width: int) -> int:
    return width - _MARKER - sum(cells for _, cells in columns)


def value_row(row: MetricRow, styles: Styles, width: int) -> Text:
    """Return marker, name and numbers of a metric."""
    name, columns = _layout(width)
    marker, style = _marker(row, styles)
    texts = _number_texts(row.summary, styles)
    line = Text("").append(f"{marker} ", style)
    line.append(fit(_short_name(row.column, name), name), styles.text)
    for title, cells in columns:
        shown = f"{clip(texts[title], cells - 1):>{cells}}"
        line.append(shown, _last_style(row, styles) if title == "last" else styles.muted)
    return line


def _number_texts(summary: Summary, styles: Styles) -> dict[str, str]:
    best = math.isfinite(summary.best)
    return {
        "last": measured_text(summary.last, styles),
        "best": number(summary.best) if best else "",
        "at": short_count(summary.best_step) if best else "",
        "change": _change_text(summary),
    }


def _change_text(summary: Summary) -> str:
    if not math.isfinite(summary.change):
        return ""
    size = abs(summary.last) if math.isfinite(summary.last) else 0.0
    return signed(summary.change) if abs(summary.change) > _NO_CHANGE * size else "0"


def value_columns(rows: Sequence[MetricRow], styles: Styles, width: int, height: int) -> list[Text]:
    """Return name, value and course of the metrics, in as many columns as there is room for.

    They go along the rows, or down the columns where there are more metrics than lines; the last
    place then says how many more there are.
    """
    across = max(width // _BRIEF_WIDTH, 1)
    lines = []
    for row in range(min(height, -(-len(rows) // across))):
        line = Text("")
        for column in range(across):
            place = column * height + row if len(rows) > height else row * across + column
            left, last = len(rows) - across * height, place == across * height - 1
            if left > 0 and last:
                line.append(f"   {more_text(0, left + 1, styles)}", styles.muted)
            elif place < len(rows):
                line.append_text(_brief(rows[place], styles, width // across - 1)).append(" ")
        lines.append(line)
    return lines


def _brief(row: MetricRow, styles: Styles, width: int) -> Text:
    marker, style = _marker(row, styles)
    name = min(max(width - 17, 8), 21)
    course = width - name - 11
    line = Text(f" {marker} ", style)
    line.append(fit(_short_name(row.column, name), name), styles.text)
    line.append(f"{measured_text(row.summary.last, styles):>7} ", _last_style(row, styles))
    return line.append(fit(spark(row, styles, course), course), style)


def _marker(row: MetricRow, styles: Styles) -> tuple[str, Style]:
    """Return marker and style of the metric's curves; those without modalities have none."""
    if row.colour < 0:
        return " ", styles.muted
    return styles.marker(row.colour), styles.curve(row.colour)


def _last_style(row: MetricRow, styles: Styles) -> Style:
    return measured_style(row.summary.last, styles, styles.strong)


def _short_name(column: str, width: int) -> str:
    """Return the name of a column in `width` cells; its metric gives way before its modality."""
    metric, slash, modality = safe(column).partition("/")
    if len(column) <= width or not slash:
        return clip(safe(column), width)
    return f"{clip(metric, max(width - len(modality) - 1, 4))}/{modality}"


def spark(row: MetricRow, styles: Styles, width: int) -> str:
    """Return the newest `width` cells of a metric's sparkline."""
    shown = row.summary.sparkline[-width:] if width > 0 else ""
    return shown.translate(_ASCII_SPARKLINE) if styles.ascii_only else shown
