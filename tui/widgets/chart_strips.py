"""The rows of a chart as strips: the upper edge, the plot with its y axis, the lower edge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from asgml.tui.plot.canvas import CURSOR, FAULT, TEXT, Canvas
from asgml.tui.plot.mark_placing import MARK
from asgml.tui.plot.windows import Window
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.axes import LABEL
from asgml.tui.widgets.box import top_edge
from asgml.tui.widgets.curves import OVERLAY, RAW
from asgml.tui.widgets.lines import to_strip
from asgml.tui.widgets.x_axis import EDGE, x_labels

AXIS = LABEL + 1
"""Cells for the y axis: its labels and the ticks."""


@dataclass(frozen=True)
class ChartRow:
    """A row of a chart: a key that differs when the row has changed, and how to draw it."""

    key: object
    draw: Callable[[], Strip]


@dataclass(frozen=True)
class ChartStrips:
    """The rows of one chart; `base` is the widget's own style, `width` in cells."""

    styles: Styles
    base: Style
    width: int
    selected: bool

    @property
    def _edge(self) -> Style:
        return self.styles.selected if self.selected else self.styles.frame

    def top(self, title: str, note: str, legend: Text) -> Strip:
        """Return the upper edge: the note of the y axis above it, title and legend."""
        edge = top_edge(title, legend, self.width, self.styles, self.selected, note)
        return to_strip(edge, self.width, self.base)

    def plot(self, canvas: Canvas, row: int, label: str, style_of: Callable[[int], Style]) -> Strip:
        """Return a row of the plot with its label; `style_of` gives the style of a number in it."""
        glyphs, edge = self.styles.glyphs, self.base + self._edge
        axis = f"{label:>{LABEL}}{glyphs.tick if label else ' '}"
        segments = [
            Segment(glyphs.vertical, edge),
            Segment(axis, self.base + self.styles.muted),
            *(Segment(text, style_of(number)) for text, number in canvas.pieces(row)),
            Segment(glyphs.vertical, edge),
        ]
        return Strip(segments, canvas.width + AXIS + 2)

    def bottom(self, window: Window, plot_width: int, axis: str) -> Strip:
        """Return the lower edge with the labels of the x axis in it."""
        glyphs, edge = self.styles.glyphs, self._edge
        text = Text("").append(glyphs.corners[2], edge)
        labels = x_labels(window, plot_width, glyphs.across, axis, AXIS)
        for between, letters in groupby(labels, lambda letter: letter == EDGE):
            piece = "".join(letters)
            if between:
                text.append(glyphs.horizontal * len(piece), edge)
            else:
                text.append(piece, self.styles.muted)
        return to_strip(text.append(glyphs.corners[3], edge), self.width, self.base)


def plot_style(number: int, styles: Styles) -> Style:
    """Return the style of a number in a canvas: a curve, its recorded values, a sign."""
    if number >= OVERLAY:
        return styles.muted
    if number >= RAW:
        return styles.raw_curve(number - RAW)
    if number >= 0:
        return styles.curve(number)
    signs = {TEXT: styles.text, MARK: styles.mark, FAULT: styles.bad, CURSOR: styles.strong}
    return signs[number]
