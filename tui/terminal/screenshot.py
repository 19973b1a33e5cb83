"""The screen as an SVG picture: letters on an exact grid; curves, bars and frames as shapes, so that no font can spoil them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from rich.cells import cell_len
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI
from textual.strip import Strip

WIDTH, HEIGHT, EDGE = 8.0, 17.0, 14.0
"""A cell, and the margin around all cells, in pixels."""
_FONT = "ui-monospace, 'Cascadia Mono', 'JetBrains Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_DOTS = (
    (0x01, 0, 0),
    (0x02, 0, 1),
    (0x04, 0, 2),
    (0x40, 0, 3),
    (0x08, 1, 0),
    (0x10, 1, 1),
    (0x20, 1, 2),
    (0x80, 1, 3),
)
_BLOCKS = {chr(0x2581 + eighths): (eighths + 1) / 8 for eighths in range(8)}
_SHADE = "░"
_STROKES = {
    "─": "M{l} {m}H{r}", "━": "M{l} {m}H{r}", "│": "M{c} {t}V{b}", "┤": "M{l} {m}H{c}M{c} {t}V{b}",
    "╭": "M{c} {b}V{q}Q{c} {m} {p} {m}H{r}", "╮": "M{l} {m}H{o}Q{c} {m} {c} {q}V{b}",
    "╰": "M{c} {t}V{n}Q{c} {m} {p} {m}H{r}", "╯": "M{l} {m}H{o}Q{c} {m} {c} {n}V{t}",
    "┆": "M{c} {t}v3m0 2.7v3m0 2.7v3", "┊": "M{c} {t}v2m0 2.25v2m0 2.25v2m0 2.25v2",
}  # fmt: skip
Cell = tuple[str, Style, float, float]
"""A letter, its style, and the upper left corner of its place."""


def svg_screenshot(rows: Sequence[Strip], title: str, ground: str, text: str) -> str:
    """The rows of a screen as SVG. `ground` and `text` are the colours of what has none of its own, as `#rrggbb`."""
    width = max((row.cell_length for row in rows), default=0) * WIDTH + 2 * EDGE
    height = len(rows) * HEIGHT + 2 * EDGE
    cells = [cell for number, row in enumerate(rows) for cell in _cells(row, number)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" aria-label={quoteattr(title)}>',
            f"<title>{escape(title)}</title>",
            f"<style>text{{font:13.3px {_FONT};white-space:pre}}path{{fill:none}}.b{{font-weight:bold}}.i{{font-style:italic}}</style>",
            f'<rect x=".5" y=".5" width="{width - 1:g}" height="{height - 1:g}" rx="9" fill="{ground}" stroke="#30363d"/>',
            *_grounds(cells, ground),
            *_shapes(cells, text),
            *_letters(cells, text),
            "</svg>\n",
        ]
    )


def _cells(row: Strip, number: int) -> Iterator[Cell]:
    column = 0
    for segment in row:
        for letter in segment.text if not segment.control else "":
            yield (
                letter,
                segment.style or Style.null(),
                EDGE + column * WIDTH,
                EDGE + number * HEIGHT,
            )
            column += cell_len(letter)


def _colour(style: Style, other: str, back: bool = False) -> str:
    colour = style.bgcolor if back != bool(style.reverse) else style.color
    if colour is None or colour.is_default:
        return other
    return colour.get_truecolor(DIMMED_MONOKAI, foreground=not back).hex


def _grounds(cells: Iterable[Cell], ground: str) -> Iterator[str]:
    """One rectangle for each run of cells on another ground."""
    begin, end, line, run = 0.0, 0.0, -1.0, ground
    for _, style, x, y in [*cells, ("", Style.null(), 0.0, -1.0)]:
        colour = _colour(style, ground, back=True)
        if (colour, y) != (run, line) or x != end:
            if run != ground:
                yield f'<rect x="{begin:g}" y="{line:g}" width="{end - begin:g}" height="{HEIGHT:g}" fill="{run}"/>'
            begin, line, run = x, y, colour
        end = x + WIDTH


def _shapes(cells: Iterable[Cell], text: str) -> Iterator[str]:
    """All dots, bars and strokes of one colour are one path."""
    dots: defaultdict[str, list[str]] = defaultdict(list)
    bars: defaultdict[str, list[str]] = defaultdict(list)
    strokes: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for letter, style, x, y in cells:
        colour = _colour(style, text)
        if "⠀" < letter <= "⣿":
            dots[colour] += _dots(ord(letter) - 0x2800, x, y)
        elif letter in _BLOCKS:
            bars[colour].append(
                f"M{x:g} {y + HEIGHT:g}v{-_BLOCKS[letter] * HEIGHT:g}h{WIDTH:g}v{_BLOCKS[letter] * HEIGHT:g}z"
            )
        elif letter == _SHADE:
            bars[colour].append(f"M{x:g} {y + 5:g}v7h{WIDTH:g}v-7z")
        elif letter in _STROKES:
            strokes[colour, "2" if letter == "━" else "1.1"].append(_stroke(letter, x, y))
    for colour, parts in bars.items():
        yield f'<path style="fill:{colour}" d="{"".join(parts)}"/>'
    for (colour, wide), parts in strokes.items():
        yield f'<path stroke="{colour}" stroke-width="{wide}" d="{"".join(parts)}"/>'
    for colour, parts in dots.items():
        yield f'<path stroke="{colour}" stroke-width="2.7" stroke-linecap="round" d="{"".join(parts)}"/>'


def _dots(pattern: int, x: float, y: float) -> list[str]:
    """A stroke of no length with a round end is a dot."""
    return [
        f"M{x + 2 + 4 * across:g} {y + 2.1 + 4.25 * down:g}h0"
        for bit, across, down in _DOTS
        if pattern & bit
    ]


def _stroke(letter: str, x: float, y: float) -> str:
    """Left, right, top, bottom, centre and middle of the cell, and where its rounded corner begins and ends."""
    c, m = x + WIDTH / 2, y + HEIGHT / 2
    places = {
        "l": x,
        "r": x + WIDTH,
        "t": y,
        "b": y + HEIGHT,
        "c": c,
        "m": m,
        "o": c - 4,
        "p": c + 4,
        "n": m - 4,
        "q": m + 4,
    }
    return _STROKES[letter].format(**{name: f"{place:g}" for name, place in places.items()})


def _letters(cells: Iterable[Cell], text: str) -> Iterator[str]:
    """Words of one style in one row, each begun at its own place and as wide as its cells, whatever the font."""
    rows: dict[tuple[str, str, float], list[tuple[float, str]]] = {}
    for letter, style, x, y in cells:
        if (
            letter.isspace()
            or "⠀" <= letter <= "⣿"
            or letter in _BLOCKS
            or letter in _STROKES
            or letter == _SHADE
        ):
            continue
        names = " ".join(name for name, on in (("b", style.bold), ("i", style.italic)) if on)
        words = rows.setdefault((_colour(style, text), names, y), [])
        if words and words[-1][0] + cell_len(words[-1][1]) * WIDTH == x:
            words[-1] = (words[-1][0], words[-1][1] + letter)
        else:
            words.append((x, letter))
    for (colour, names, y), words in rows.items():
        kind = f' class="{names}"' if names else ""
        yield f'<text{kind} fill="{colour}" y="{y + 13:g}">{"".join(_word(x, word) for x, word in words)}</text>'


def _word(x: float, word: str) -> str:
    width = f' textLength="{cell_len(word) * WIDTH:g}"' if len(word) > 1 else ""
    return f'<tspan x="{x:g}"{width}>{escape(word)}</tspan>'
