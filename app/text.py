"""Makes untrusted text (run names, notes, log lines) safe to print: control characters become visible symbols."""

from __future__ import annotations

import unicodedata

_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Marks that turn the direction of the text after them: harmless to the terminal, misleading to its reader."""


def visible(value: object) -> str:
    """`value` as text in which nothing moves the cursor, changes a colour or turns the writing direction."""
    return "".join(_shown(character) for character in str(value))


def one_line(value: object) -> str:
    """`visible` text on a single line."""
    return visible(" ".join(str(value).split("\n")))


def _shown(character: str) -> str:
    if character.isprintable() and character not in _BIDI:
        return character
    if ord(character) in _PICTURES:
        return chr(_PICTURES[ord(character)])
    unsafe = unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _BIDI
    return _REPLACEMENT if unsafe else character
