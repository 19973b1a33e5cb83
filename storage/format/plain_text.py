"""Text in ASCII, for terminals, logs and locales that have nothing else."""

from __future__ import annotations

import codecs
import locale
import os
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

WORDS = {
    "…": "...", "∞": "inf", "±": "+-", "→": "->", "←": "<-", "≤": "<=", "≥": ">=", "≠": "!=",
    "α": "alpha", "β": "beta", "γ": "gamma", "σ": "sigma", "Δ": "delta", "ε": "epsilon",
}  # fmt: skip
"""Characters that need more than one letter; the dashboard has one cell for each: CELLS."""
CELLS = {
    "…": "~", "∞": "?", "±": "~", "→": ">", "←": "<", "≤": "<", "≥": ">", "≠": "!",
    "α": "a", "β": "b", "γ": "g", "σ": "s", "Δ": "d", "ε": "e",
    "–": "-", "—": "-", "−": "-", "×": "x", "·": ".", "•": "*", "°": "o", "μ": "u", "µ": "u",
    "↑": "^", "↓": "v", "▲": "^", "▼": "v", "▶": ">", "◀": "<", "▸": ">", "⑂": "Y",
    "✓": "+", "★": "*", "✚": "+", "✗": "x", "●": "*", "○": "o", "◌": "o", "◐": "~", "◉": "@",
    "‖": "=", "�": "?", "ρ": "r",
    "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip
_LEVELS = ".:-=+*#@"
PLAIN = "asgml-plain"
"""The name of the encoding, and of the handler of characters that another one cannot write."""


def ascii_locale(environ: Mapping[str, str] = os.environ) -> bool:
    """Return True where the user asked for the locale C: by LC_ALL, or by LANG alone.

    Without any of them nobody asked: Python writes UTF-8 then, as most terminals read.
    """
    if environ.get("PYTHONUTF8") == "1" or environ.get("PYTHONIOENCODING"):
        return False
    if given := environ.get("LC_ALL"):
        return given in ("C", "POSIX")
    # Python sets LC_CTYPE to C.UTF-8 by itself where LANG is C
    mine = environ.get("LC_CTYPE", "C.UTF-8") in ("C", "POSIX", "C.UTF-8", "C.utf8")
    return environ.get("LANG") in ("C", "POSIX") and mine


def has_unicode(environ: Mapping[str, str] = os.environ) -> bool:
    """Return True where a terminal of this locale can show more than ASCII."""
    return "utf" in locale.getpreferredencoding(False).lower() and not ascii_locale(environ)


def plain_text(text: str) -> str:
    """Return a line in ASCII: `0.5 → 0.25 …` is `0.5 -> 0.25 ...`.

    A letter that has no ASCII form is written as its code, so that names stay different.
    """
    if text.isascii():
        return text
    return "".join(one if one < "\x80" else WORDS.get(one) or _coded(one) for one in text)


def plain_cell(character: str) -> str:
    """Return one ASCII character for one that has a form in ASCII, "" for any other."""
    code = ord(character)
    if character in CELLS:
        return CELLS[character]
    if 0x2500 <= code < 0x2580:
        return _frame(character)
    if 0x2581 <= code <= 0x2588:  # a bar of eighths
        return _LEVELS[code - 0x2581]
    if 0x2580 <= code < 0x25D0:
        return "#"
    if 0x2800 <= code < 0x2900:  # braille: by the number of its dots
        return " .:+*#"[min(code.bit_count() - 0x2800.bit_count(), 5)]
    return ""


def register() -> str:
    """Make handler and encoding known to Python; return the name of both, for streams.

    An encoding of its own, for typer writes UTF-8 to a stream that says `ascii` of itself.
    """
    codecs.register_error(PLAIN, _replace)
    codecs.register(_find)
    return PLAIN


class _Encoder(codecs.IncrementalEncoder):
    def encode(self, text: str, final: bool = False) -> bytes:
        return _encode(text)[0]


def _encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
    return plain_text(text).encode("ascii"), len(text)


def _find(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != PLAIN:
        return None
    ascii = codecs.lookup("ascii")
    return codecs.CodecInfo(
        _encode, ascii.decode, incrementalencoder=_Encoder,
        incrementaldecoder=ascii.incrementaldecoder, name=PLAIN,
    )  # fmt: skip


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain_text(error.object[error.start : error.end]), error.end


@lru_cache(4096)
def _coded(character: str) -> str:
    simple = plain_cell(character)
    return simple or character.encode("ascii", "backslashreplace").decode()


def _frame(character: str) -> str:
    """Return the ASCII of a line of a frame, by its Unicode name."""
    name = unicodedata.name(character, "")
    across, down = "HORIZONTAL" in name, "VERTICAL" in name
    if across and not down:
        return "-" if not ("UP" in name or "DOWN" in name) else "+"
    return "|" if down and not across else "+"
