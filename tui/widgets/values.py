"""The values: last, best and change of every metric in numbers, and its whole course in one line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import number
from asgml.tui.scene.scene import MetricRow, Scene
from asgml.tui.scene.series import Summary
from asgml.tui.scene.view_state import View
from asgml.tui.terminal.format import clip, fit, short_count, signed
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Box


class Values(Box):
    """The table of metrics: last, best, change, and the whole course in one line."""

    def show_scene(self, scene: Scene, view: View, framed: bool) -> None:
        rows = filtered(scene.rows, view.filter_text)
        self.title = "metrics" + (f" “{view.filter_text}”" if view.filter_text else "")
        if framed:
            width, height = self.inner
            body = [
                value_heading(self.theme_styles, width),
                *(value_row(row, self.theme_styles, width) for row in rows[: height - 1]),
            ]
            self.show_box(
                body, Text(f"{len(rows)}", self.theme_styles.muted) if len(rows) >= height else None
            )
        else:
            self.show(value_columns(rows, self.theme_styles, self.size.width, self.size.height))


def filtered(rows: Sequence[MetricRow], words: str) -> list[MetricRow]:
    """Rows whose column or panel holds every word, in the order of the scene."""
    wanted = words.lower().split()
    return [
        row
        for row in rows
        if all(word in f"{row.column} {row.metric.panel}".lower() for word in wanted)
    ]


def value_heading(styles: Styles, width: int) -> Text:
    names = [f"{title:>{cells}}" for title, cells in _value_columns(width)[1]]
    return Text(" " * (_value_columns(width)[0] + 2) + "".join(names), styles.muted)


def _value_columns(width: int) -> tuple[int, list[tuple[str, int]]]:
    """Cells for the name, and title and cells of each number that there is room for."""
    columns = [("last", 8), ("best", 7), ("at", 6), ("change", 7)]
    while len(columns) > 1 and width - 2 - sum(cells for _, cells in columns) < 15:
        columns.pop()
    return max(width - 2 - sum(cells for _, cells in columns), 4), columns


def value_row(row: MetricRow, styles: Styles, width: int) -> Text:
    name, columns = _value_columns(width)
    summary, style = row.summary, styles.curve(row.colour) if row.colour >= 0 else styles.muted
    line = (
        Text("")
        .append(f"{styles.marker(row.colour) if row.colour >= 0 else ' '} ", style)
        .append(fit(_short_name(row.column, name), name), styles.text)
    )
    best = math.isfinite(summary.best)
    texts = {
        "last": number(summary.last),
        "best": number(summary.best) if best else "",
        "at": short_count(summary.best_step) if best else "",
        "change": _change_text(summary),
    }
    for title, cells in columns:
        known = title != "last" or math.isfinite(summary.last)
        line.append(
            f"{clip(texts[title], cells - 1):>{cells}}",
            styles.bad if not known else styles.strong if title == "last" else styles.muted,
        )
    return line


def _change_text(summary: Summary) -> str:
    """What the last digit of a number would not show is no change."""
    if not math.isfinite(summary.change):
        return ""
    size = abs(summary.last) if math.isfinite(summary.last) else 0.0
    return signed(summary.change) if abs(summary.change) > 1e-4 * size else "0"


def value_columns(rows: Sequence[MetricRow], styles: Styles, width: int, height: int) -> list[Text]:
    """Name, value and course in as many columns as there is room for."""
    across = max(width // 37, 1)
    cell = width // across
    lines = []
    for row in range(min(height, -(-len(rows) // across))):
        line = Text("")
        for column in range(across):
            place = column * height + row if len(rows) > height else row * across + column
            if place < len(rows):
                line.append_text(_brief(rows[place], styles, cell - 1)).append(" ")
        lines.append(line)
    return lines


def _brief(row: MetricRow, styles: Styles, width: int) -> Text:
    style = styles.curve(row.colour) if row.colour >= 0 else styles.muted
    name = min(max(width - 17, 8), 21)
    line = Text(f" {styles.marker(row.colour) if row.colour >= 0 else ' '} ", style).append(
        fit(_short_name(row.column, name), name), styles.text
    )
    line.append(
        f"{number(row.summary.last):>7} ",
        styles.strong if math.isfinite(row.summary.last) else styles.bad,
    )
    line.append(fit(spark(row, styles, width - name - 11), width - name - 11), style)
    return line


def _short_name(column: str, width: int) -> str:
    metric, slash, modality = safe(column).partition("/")
    if len(column) <= width or not slash:
        return clip(safe(column), width)
    return f"{clip(metric, max(width - len(modality) - 1, 4))}/{modality}"


def spark(row: MetricRow, styles: Styles, width: int) -> str:
    spark = row.summary.sparkline[-max(width, 0) :] if width > 0 else ""
    return spark.translate(str.maketrans("▁▂▃▄▅▆▇█", "__..--^^")) if styles.ascii_only else spark
