"""Errors of libraries and names of files as text of one printable line."""

from __future__ import annotations

from collections.abc import Sequence

MAX_REASON = 200  # characters: a library's message may hold a page of its own state


def error_reason(error: Exception) -> str:
    """Return the first line of an error's message, or the name of its type where it has none."""
    message = (
        getattr(error, "strerror", None)
        or getattr(error, "error_string", None)  # soundfile
        or str(error).strip()
        or type(error).__name__
    )
    return escape_unprintable(str(message).partition("\n")[0])[:MAX_REASON]


def escape_unprintable(text: str) -> str:
    r"""Return `text` with each character that cannot be printed as its escape, such as \x1b.

    An escape still identifies the file, which the symbols of storage's sanitiser would not.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def first_few(texts: Sequence[str], limit: int = 5) -> str:
    """Return the first texts separated by semicolons, and the number of those left out."""
    more = f"; and {len(texts) - limit} more" if len(texts) > limit else ""
    return "; ".join(texts[:limit]) + more
