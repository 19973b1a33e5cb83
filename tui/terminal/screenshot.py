"""The screen as an SVG: letters on an exact grid; curves, bars and frames as shapes of any font."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from rich.cells import cell_len
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI
from textual.strip import Strip

from asgml.tui.terminal.cell_shapes import HEIGHT, WIDTH, bar_path, dots_path, is_shape, stroke_path

EDGE = 14.0
"""The margin around all cells, in pixels."""
_BASELINE = 13
"""From the top of a cell to the baseline of its letter, in pixels."""
_FONT = (
    "ui-monospace, 'Cascadia Mono', 'JetBrains Mono', "
    "Menlo, Consolas, 'DejaVu Sans Mono', monospace"
)
_CSS = (
    f"text{{font:13.3px {_FONT};white-space:pre}}path{{fill:none}}"
    ".b{font-weight:bold}.i{font-style:italic}"
)


class _Cell(NamedTuple):
    """A letter, its style, and the upper left corner of its place in pixels."""

    letter: str
    style: Style
    x: float
    y: float


def svg_screenshot(rows: Sequence[Strip], title: str, ground: str, text: str) -> str:
    """Return the rows of a screen as SVG.

    `ground` and `text` (`#rrggbb`) are the colours of what has none of its own.
    """
    width = max((row.cell_length for row in rows), default=0) * WIDTH + 2 * EDGE
    height = len(rows) * HEIGHT + 2 * EDGE
    cells = [cell for number, row in enumerate(rows) for cell in _cells(row, number)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
            f' role="img" aria-label={quoteattr(title)}>',
            f"<title>{escape(title)}</title>",
            f"<style>{_CSS}</style>",
            f'<rect x=".5" y=".5" width="{width - 1:g}" height="{height - 1:g}" rx="9"'
            f' fill="{ground}" stroke="#30363d"/>',
            *_grounds(cells, ground),
            *_shapes(cells, text),
            *_letters(cells, text),
            "</svg>\n",
        ]
    )


def _cells(row: Strip, number: int) -> Iterator[_Cell]:
    """Yield the cells of a row of the screen, wide characters once."""
    column, y = 0, EDGE + number * HEIGHT
    for segment in row:
        for letter in segment.text if not segment.control else "":
            yield _Cell(letter, segment.style or Style.null(), EDGE + column * WIDTH, y)
            column += cell_len(letter)


def _colour(style: Style, other: str, back: bool = False) -> str:
    """Return the `#rrggbb` of a letter, or of its ground (`back`); `other` where it has none."""
    colour = style.bgcolor if back != bool(style.reverse) else style.color
    if colour is None or colour.is_default:
        return other
    return colour.get_truecolor(DIMMED_MONOKAI, foreground=not back).hex


def _grounds(cells: Iterable[_Cell], ground: str) -> Iterator[str]:
    """Yield one rectangle for each run of cells on another ground."""
    begin, end, line, run = 0.0, 0.0, -1.0, ground
    for _, style, x, y in [*cells, _Cell("", Style.null(), 0.0, -1.0)]:
        colour = _colour(style, ground, back=True)
        if (colour, y) != (run, line) or x != end:
            if run != ground:
                yield (
                    f'<rect x="{begin:g}" y="{line:g}" width="{end - begin:g}"'
                    f' height="{HEIGHT:g}" fill="{run}"/>'
                )
            begin, line, run = x, y, colour
        end = x + WIDTH


def _shapes(cells: Iterable[_Cell], text: str) -> Iterator[str]:
    """Yield bars, then strokes, then dots; those of one colour are one path."""
    paths: dict[tuple[int, str], list[str]] = {}
    for cell in cells:
        if is_shape(cell.letter):
            layer, attributes, path = _shape(cell, _colour(cell.style, text))
            paths.setdefault((layer, attributes), []).append(path)
    for (_, attributes), pieces in sorted(paths.items(), key=lambda item: item[0][0]):
        if data := "".join(pieces):
            yield f'<path {attributes} d="{data}"/>'


def _shape(cell: _Cell, colour: str) -> tuple[int, str, str]:
    """Return the layer of a shape, the attributes of its path, and the path."""
    letter, x, y = cell.letter, cell.x, cell.y
    if path := bar_path(letter, x, y):
        return 0, f'style="fill:{colour}"', path
    if path := stroke_path(letter, x, y):
        return 1, f'stroke="{colour}" stroke-width="{"2" if letter == "━" else "1.1"}"', path
    # A stroke of no length with a round end is a dot.
    dot = f'stroke="{colour}" stroke-width="2.7" stroke-linecap="round"'
    return 2, dot, dots_path(letter, x, y)


def _letters(cells: Iterable[_Cell], text: str) -> Iterator[str]:
    """Yield the words of one style in one row as one element, each word at its own place."""
    rows: dict[tuple[str, str, float], list[tuple[float, str]]] = {}
    for letter, style, x, y in cells:
        if letter.isspace() or is_shape(letter):
            continue
        names = " ".join(name for name, on in (("b", style.bold), ("i", style.italic)) if on)
        words = rows.setdefault((_colour(style, text), names, y), [])
        if words and words[-1][0] + cell_len(words[-1][1]) * WIDTH == x:
            words[-1] = (words[-1][0], words[-1][1] + letter)
        else:
            words.append((x, letter))
    for (colour, names, y), words in rows.items():
        kind = f' class="{names}"' if names else ""
        spans = "".join(_word(x, word) for x, word in words)
        yield f'<text{kind} fill="{colour}" y="{y + _BASELINE:g}">{spans}</text>'


def _word(x: float, word: str) -> str:
    """Return a word that is as wide as its cells, whatever the font."""
    width = f' textLength="{cell_len(word) * WIDTH:g}"' if len(word) > 1 else ""
    return f'<tspan x="{x:g}"{width}>{escape(word)}</tspan>'
