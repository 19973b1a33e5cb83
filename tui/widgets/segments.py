"""Segments of a line in their order of importance: where it gets narrow, the last ones go first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text

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
