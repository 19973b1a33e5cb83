"""Output of commands to stdout: JSON without NaN, and tables of text that is never markup."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

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

    Piped, it is 200 columns wide, so that lines are not cut.
    """
    from rich.console import Console

    width = None if sys.stdout.isatty() else 200
    return Console(markup=False, highlight=False, emoji=False, width=width, soft_wrap=False)


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
