"""One printed chart: lines as text, drawn by plotext."""

from __future__ import annotations

import sys

import numpy as np
import plotext

from asgml.app.charts.scale import Line, scale
from asgml.app.output import colours_wanted, terminal_width
from asgml.app.preferences import load_preferences
from asgml.storage.format.safe_text import safe

HEIGHT = 14
WIDEST = 120
COLOURS = ("blue+", "orange+", "green+", "red+", "cyan+", "magenta+")
MARKERS = "•x+o*#"
"""Distinguish the lines where there are no colours."""


def draw(
    title: str,
    lines: list[Line],
    *,
    log: bool = False,
    width: int | None = None,
    axis: str = "step",
) -> str:
    """Return one chart as text.

    Lines are (label, x, y). A column with a value that is no finite number has a sign at the top,
    on a log axis one with a value that is not positive a sign at the bottom. `axis` is step, epoch
    or time.
    """
    width = min(width or terminal_width(), WIDEST)
    coloured, plain = colours_wanted(), ascii_wanted()
    plotext.clear_figure()
    plotext.plot_size(width, HEIGHT)
    plotext.theme("clear")
    scaled = scale(lines, log, width, axis)
    notes = [note for note in ("log" if scaled.log else "", scaled.note) if note]
    plotext.title(safe(f"{title} ({', '.join(notes)})" if notes else title))
    letters = MARKERS[1:] if plain else MARKERS
    for index, (label, x, y) in enumerate(scaled.lines):
        alone = (coloured or len(lines) == 1) and not plain
        marker = "braille" if alone else letters[index % len(letters)]
        colour = COLOURS[index % len(COLOURS)]
        plotext.plot(x.tolist(), y.tolist(), label=safe(label), marker=marker, color=colour)
    _add_signs(scaled.faults, 1.0, "!" if plain else "✗", "not finite")
    _add_signs(scaled.sunk, 0.0, "v" if plain else "▾", "not above 0")
    plotext.xlim(0, 1)
    plotext.ylim(0, 1)
    plotext.xticks(*zip(*scaled.x_ticks, strict=True))
    plotext.yticks(*zip(*scaled.y_ticks, strict=True))
    text = str(plotext.build())
    text = text if coloured else str(plotext.uncolorize(text))
    return in_ascii(text) if plain else text


def _add_signs(places: np.ndarray, height: float, sign: str, meaning: str) -> None:
    """Put a sign at each of these places, and what it means into the legend."""
    if len(places):
        heights = [height] * len(places)
        plotext.scatter(places.tolist(), heights, label=meaning, marker=sign, color="red+")


def ascii_wanted() -> bool:
    """Return True where stdout takes no more than ASCII, or the setting `ascii` asks for it."""
    encoding = (sys.stdout.encoding or "ascii").lower()
    return not encoding.startswith("utf") or load_preferences().ascii


def in_ascii(text: str) -> str:
    """Return `text` with every other character replaced, in as many cells."""
    from asgml.tui.terminal.ascii_filter import plain  # loads Textual

    return plain(text)
