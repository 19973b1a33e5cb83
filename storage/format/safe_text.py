"""The one sanitiser of untrusted text: run names, notes, log lines, paths, messages of others."""

from __future__ import annotations

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
# Invisible, or able to turn the writing direction: harmless to a terminal, misleading to its user.
_INVISIBLE = (
    range(0x061C, 0x061D),  # Arabic letter mark
    range(0x200B, 0x2010),  # zero-width space, joiners, direction marks
    range(0x2028, 0x202F),  # line and paragraph separator, embeddings, overrides
    range(0x2060, 0x2070),  # word joiner, invisible operators, isolates
    range(0xFEFF, 0xFF00),  # zero-width no-break space
    range(0xFFF9, 0xFFFC),  # interlinear annotation
)
# C1 controls steer a terminal as escape sequences do; a lone surrogate cannot be encoded at all.
_UNSAFE = (range(0x80, 0xA0), range(0xD800, 0xE000), *_INVISIBLE)
_SYMBOLS = _CONTROL_PICTURES | {code: _REPLACEMENT for codes in _UNSAFE for code in codes}


def safe(value: object) -> str:
    """Return `value` as text whose every unsafe character is replaced by one visible symbol.

    The result moves no cursor, changes no colour, turns no writing direction, and can be encoded.
    """
    return str(value).translate(_SYMBOLS)


def one_line(value: object) -> str:
    """Return safe text on a single line, with a space for each line feed."""
    return safe(str(value).replace("\n", " "))


def error_line(error: BaseException) -> str:
    """Return an error as `TypeName: message` on one line; not yet safe to print."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
