"""The plane of gradient balance and conflict as lines, with the numbers of each modality."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import number
from asgml.tui.plot.canvas import Canvas
from asgml.tui.plot.scatter import Points, places, scatter
from asgml.tui.scene.plane import Trail
from asgml.tui.terminal.format import fit, plural, shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import wrapped

OCTAVES = 2.0
"""The plane reaches from a quarter to four times the mean gradient; beyond lies on its edge."""
_LABEL, _NAME = 4, 14
_AXIS = ((0.0, "¼×", ".25x"), (0.25, "½×", ".5x"), (0.5, "1×", "1x"), (0.75, "2×", "2x"))
_LAST = ("4×", "4x")
_MEANING = (
    "Left of 1×: a smaller gradient than the mean of all encoders, right of it a larger one. Below "
    "0: the joint loss pulls the encoder against the modality's own loss. Dots: where it came from."
)
Cell = tuple[str, Style]


def plane_lines(trails: Sequence[Trail], styles: Styles, width: int, height: int) -> list[Text]:
    """Return the plane and the numbers in `height` lines of `width` cells, at least a small one."""
    told = [_numbers(trail, index, styles, width) for index, trail in enumerate(trails)]
    told += wrapped(Text(_MEANING, styles.muted), width)
    rows = max(height - len(told) - 2, 5)
    cells = _cells(trails, styles, max(width - _LABEL, 10), rows)
    labels = {0: "1", rows // 2: "0", rows - 1: "-1"}
    lines = [Text.assemble((f"{labels.get(row, ''):>{_LABEL - 1}} ", styles.muted), *cells[row])
             for row in range(rows)]  # fmt: skip
    return [Text("conflict cosine", styles.muted), *lines, _axis(styles, width), *told]


def _cells(trails: Sequence[Trail], styles: Styles, width: int, height: int) -> list[list[Cell]]:
    """Return lines through 1× and 0, over them dots of the past, over these a marker for now."""
    glyphs = styles.glyphs
    cells: list[list[Cell]] = [[(" ", styles.text)] * width for _ in range(height)]
    cells[height // 2] = [(glyphs.horizontal, styles.frame)] * width
    for line in cells:
        line[width // 2] = (glyphs.vertical, styles.frame)
    shares = [_shares(trail) for trail in trails]
    canvas = Canvas(scatter(shares, width, height, glyphs), glyphs, _markers(trails, styles))
    for row, line in enumerate(cells):
        for column, owner in enumerate(canvas.styles[row].tolist()):
            if owner >= 0:
                line[column] = (str(canvas.letters[row, column]), styles.raw_curve(owner))
    for index, (x, y) in enumerate(shares):
        for column, place in zip(*places((x[-1:], y[-1:]), width, height), strict=True):
            cells[place][column] = (styles.marker(index), styles.curve(index))
    return cells


def _markers(trails: Sequence[Trail], styles: Styles) -> dict[int, str]:
    """Return what an ASCII plane draws the past of each modality with."""
    return {index: styles.marker(index) for index in range(len(trails))}


def _shares(trail: Trail) -> Points:
    return (trail.balance + OCTAVES) / (2 * OCTAVES), (trail.conflict + 1) / 2


def _axis(styles: Styles, width: int) -> Text:
    """Return the labels of the x axis: gradients as multiples of the mean of all encoders."""
    room = max(width - _LABEL, 10)
    cells = [" "] * room
    last = styles.glyph(*_LAST)
    labels = [(int(share * room), styles.glyph(*text)) for share, *text in _AXIS]
    for place, text in [*labels, (room - len(last), last)]:
        cells[place : place + len(text)] = text
    return Text(" " * _LABEL + "".join(cells), styles.muted)


def _numbers(trail: Trail, index: int, styles: Styles, width: int) -> Text:
    """Return the newest place of a modality, and how often its losses conflict."""
    row = Text("").append(f"{styles.marker(index)} ", styles.curve(index))
    row.append(fit(shorten(safe(trail.modality), _NAME), _NAME), styles.curve(index))
    if not len(trail.steps):
        return row.append(" not measured yet", styles.muted)
    times = styles.glyph("×", "x")
    row.append(f" gradient {number(2.0 ** float(trail.balance[-1]))}{times} the mean", styles.text)
    row.append(f", conflict {number(float(trail.conflict[-1]))}", styles.text)
    share = trail.conflicting
    if math.isfinite(share):
        points = plural(len(trail.steps), "measurement")
        row.append(f"; below 0 in {share:.0%} of the last {points}", styles.muted)
    row.truncate(width, overflow="ellipsis")
    return row
