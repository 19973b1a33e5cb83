"""Segments of a line in their order of importance: where it gets narrow, the last ones go first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text

from asgml.tui.terminal.theme import Styles

_GAP = "  "


class LineSegment(NamedTuple):
    """A text and its rank in the line; rank 0 stays longest."""

    rank: int
    text: Text


def fit_segments(segments: Sequence[LineSegment], width: int) -> Text:
    """Return the segments in their order, as many as fit; the last one left is cut to `width`."""
    kept = list(segments)
    while len(kept) > 1 and line_width(kept) > width:
        kept.remove(max(kept, key=lambda segment: segment.rank))
    line = Text(_GAP).join([segment.text for segment in kept])
    line.truncate(width, overflow="ellipsis")
    return line


def line_width(segments: Sequence[LineSegment]) -> int:
    """Return the cells of the segments with the gaps between them."""
    gaps = len(_GAP) * (len(segments) - 1)
    return sum(segment.text.cell_len for segment in segments) + gaps


LEAST_WIDTH, LEAST_HEIGHT = 40, 10
"""Cells of the smallest screen that shows more than its state."""


def too_small(width: int, height: int, styles: Styles) -> list[Text]:
    """Return a line that says what is too small and what is needed; none where it is not."""
    if width >= LEAST_WIDTH and height >= LEAST_HEIGHT:
        return []
    cross = styles.glyph("×", "x")
    needed = f"{LEAST_WIDTH}{cross}{LEAST_HEIGHT}"
    full = Text(f" the terminal has {width}{cross}{height}: {needed} is needed", styles.warn)
    return [full if full.cell_len <= width else Text(f" needs {needed}", styles.warn)]
