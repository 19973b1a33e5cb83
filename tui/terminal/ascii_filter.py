"""The last step before a terminal without Unicode: every other character becomes ASCII."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from asgml.storage.format.plain_text import plain_cell

_INFINITY = "∞"


class AsciiFilter(LineFilter):
    """Replaces what is no ASCII by characters that are, in as many cells.

    Widgets choose their own ASCII characters where one says more; this holds for all the rest:
    texts of Textual itself, names of runs, labels.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments of a line with the same cells in ASCII."""
        if all(segment.text.isascii() for segment in segments):
            return segments
        texts = [segment.text for segment in segments]
        for place, text in enumerate(texts[:-1]):
            if text.endswith(_INFINITY) and texts[place + 1].startswith("  "):
                texts[place : place + 2] = text[:-1] + "inf", texts[place + 1][2:]
        pairs = zip(segments, texts, strict=True)
        return [Segment(plain(text), *segment[1:]) for segment, text in pairs if text]


def plain(text: str) -> str:
    """Return `text` in ASCII, in as many cells: `0 … ∞  ` is `0 ~ inf`."""
    words = text
    while _INFINITY + "  " in words:  # the three letters fit where two spaces follow
        words = words.replace(_INFINITY + "  ", "inf")
    return "".join(character if character < "\x80" else _plain(character) for character in words)


@lru_cache(4096)
def _plain(character: str) -> str:
    """Return ASCII of the cells of one character: none for a combining mark, ?? for a wide one."""
    if simple := plain_cell(character):
        return simple
    cells = cell_len(character)
    letters = unicodedata.normalize("NFKD", character)
    found = "".join(each for each in letters if each.isascii() and each.isprintable())
    return found if len(found) == cells else "?" * cells
