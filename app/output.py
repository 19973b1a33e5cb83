"""Output of commands to stdout: JSON without NaN, and tables of text that is never markup."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

from asgml.storage.format.plain_text import PLAIN, plain_text

if TYPE_CHECKING:
    from rich.console import Console


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print JSON that every parser reads: NaN and infinity are null, control characters escaped."""
    print(
        json.dumps(finite(value), indent=indent, allow_nan=False, default=str), flush=indent is None
    )


def finite(value: Any) -> Any:
    """Return `value` with None in place of every number that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return value


def console() -> Console:
    """Return a console on stdout that reads no markup, emoji code or highlight out of data.

    Piped, it is 200 columns wide, so that lines are not cut. Where stdout takes ASCII alone, texts
    are made so before they are laid out: columns stay below each other.
    """
    from rich.console import Console

    class PlainConsole(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            super().print(*map(_plain, objects), **options)

    kind = PlainConsole if plain_output() else Console
    width = None if sys.stdout.isatty() else 200
    return kind(markup=False, highlight=False, emoji=False, width=width, soft_wrap=False)


def _plain(printed: Any) -> Any:
    """Return a text or a table of texts in ASCII; its styles stay where its length does."""
    from rich.table import Table
    from rich.text import Text

    if isinstance(printed, str):
        return plain_text(printed)
    if isinstance(printed, Text) and not printed.plain.isascii():
        made = Text(plain_text(printed.plain), printed.style, overflow=printed.overflow)
        if len(made) == len(printed):
            made.spans = printed.spans
        return made
    if isinstance(printed, Table):
        for column in printed.columns:
            column.header = _plain(column.header)
            column._cells = [_plain(cell) for cell in column._cells]
    return printed


def plain_output() -> bool:
    """Return True where stdout takes nothing but ASCII."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return encoding.lower().replace("_", "-") in (PLAIN, "ascii", "us-ascii", "ansi-x3.4-1968")


def cut_sign() -> str:
    """Return the one character that stands for what is cut off."""
    return "~" if plain_output() else "…"


def in_terminal() -> bool:
    """Return True where a dashboard can be shown: stdin, stdout and stderr are a terminal."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return (
        all(stream is not None and stream.isatty() for stream in streams)
        and os.environ.get("TERM") != "dumb"
    )


def in_browser() -> bool:
    """Return True in the process of a dashboard that `asgml serve` has started."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver")


def terminal_width() -> int:
    """Return the columns of the terminal, 100 where there is none."""
    return shutil.get_terminal_size((100, 30)).columns


def colours_wanted() -> bool:
    """Return True on a terminal, unless NO_COLOR is set."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )
