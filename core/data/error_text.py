"""Errors of libraries as one printable line."""

from __future__ import annotations


def one_line(error: Exception) -> str:
    """The first line of an error's text, which may hold names that are not ours; its kind where it has none."""
    text = (
        getattr(error, "strerror", None)
        or getattr(error, "error_string", None)
        or str(error).strip()
        or type(error).__name__
    )
    return printable(str(text).partition("\n")[0])[:200]


def printable(text: str) -> str:
    """The text with line breaks and control characters, which the name of a file may hold, written out."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
