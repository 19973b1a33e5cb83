"""How commands write their data to stdout: JSON without NaN, and rich tables from text that is never markup."""

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
    """Writes JSON that every parser reads: NaN and infinity become null; control characters are escaped."""
    print(
        json.dumps(finite(value), indent=indent, allow_nan=False, default=str), flush=indent is None
    )


def finite(value: Any) -> Any:
    """`value` with None in place of every number that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return value


def console() -> Console:
    """A console on stdout that reads no markup, emoji codes or highlights out of data. Piped, its lines are not cut."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 200
    return Console(markup=False, highlight=False, emoji=False, width=width, soft_wrap=False)


def in_terminal() -> bool:
    """Whether a dashboard can be shown: keys come from stdin, the picture goes to the terminal."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return (
        all(stream is not None and stream.isatty() for stream in streams)
        and os.environ.get("TERM") != "dumb"
    )


def terminal_width() -> int:
    return shutil.get_terminal_size((100, 30)).columns


def colours_wanted() -> bool:
    """Colours go to a terminal only, and not where NO_COLOR is set."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )
