"""Braille, blocks and frames of one cell as SVG paths, so that no font can misplace them."""

from __future__ import annotations

WIDTH, HEIGHT = 8.0, 17.0
"""A cell, in pixels."""

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
"""Bit of a braille letter, and its place across and down."""
_BLOCKS = {chr(0x2581 + eighths): (eighths + 1) / 8 for eighths in range(8)}
_SHADE = "░"
_STROKES = {
    "─": "M{l} {m}H{r}",
    "━": "M{l} {m}H{r}",
    "│": "M{c} {t}V{b}",
    "┤": "M{l} {m}H{c}M{c} {t}V{b}",
    "╭": "M{c} {b}V{q}Q{c} {m} {p} {m}H{r}",
    "╮": "M{l} {m}H{o}Q{c} {m} {c} {q}V{b}",
    "╰": "M{c} {t}V{n}Q{c} {m} {p} {m}H{r}",
    "╯": "M{l} {m}H{o}Q{c} {m} {c} {n}V{t}",
    "┆": "M{c} {t}v3m0 2.7v3m0 2.7v3",
    "┊": "M{c} {t}v2m0 2.25v2m0 2.25v2m0 2.25v2",
}
"""Paths through left, right, top, bottom, centre and middle; o, p, n, q: ends of a round corner."""


def is_shape(letter: str) -> bool:
    """Return True for a character that is drawn as a shape, not as a letter."""
    return "⠀" <= letter <= "⣿" or letter in _BLOCKS or letter in _STROKES or letter == _SHADE


def dots_path(letter: str, x: float, y: float) -> str:
    """Return the path of the dots of a braille letter, "" for any other letter."""
    pattern = ord(letter) - 0x2800 if "⠀" <= letter <= "⣿" else 0
    dots = [(across, down) for bit, across, down in _DOTS if pattern & bit]
    return "".join(f"M{x + 2 + 4 * across:g} {y + 2.1 + 4.25 * down:g}h0" for across, down in dots)


def bar_path(letter: str, x: float, y: float) -> str:
    """Return the path of a block or a shade, "" for any other letter."""
    if letter == _SHADE:
        return f"M{x:g} {y + 5:g}v7h{WIDTH:g}v-7z"
    if letter not in _BLOCKS:
        return ""
    height = _BLOCKS[letter] * HEIGHT
    return f"M{x:g} {y + HEIGHT:g}v{-height:g}h{WIDTH:g}v{height:g}z"


def stroke_path(letter: str, x: float, y: float) -> str:
    """Return the path of a line or a frame, "" for any other letter."""
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
    shown = {name: f"{place:g}" for name, place in places.items()}
    return _STROKES.get(letter, "").format(**shown)
