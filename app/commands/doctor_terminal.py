"""The checks of `asgml doctor` on the terminal: size, colours, characters, what it goes through."""

from __future__ import annotations

import os
import shutil
import sys

from asgml.app.commands.doctor_report import Check


def terminal_checks() -> list[Check]:
    """Check what the dashboard needs of the terminal that this command runs in."""
    here = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))
    size = shutil.get_terminal_size()
    term = os.environ.get("TERM", "")
    encoding = (sys.stdout.encoding or "").lower()
    checks = [
        Check(
            "terminal",
            "ok" if here else "note",
            term or "TERM is not set",
            "" if here else "not a terminal: the dashboard needs one",
        ),
        _size(size.columns, size.lines),
        Check("colours", "ok", _colours(term)),
    ]
    if encoding.replace("-", "") == "utf8":
        checks.append(Check("characters", "ok", "UTF-8"))
    else:
        checks.append(
            Check("characters", "note", encoding or "unknown", "set LANG=C.UTF-8, or use --ascii")
        )
    over = [
        word
        for word, name in (("tmux", "TMUX"), ("screen", "STY"), ("SSH", "SSH_CONNECTION"))
        if os.environ.get(name)
    ]
    return [*checks, Check("through", "ok", ", ".join(over) or "neither tmux nor SSH")]


def _size(columns: int, rows: int) -> Check:
    if columns >= 80 and rows >= 24:
        return Check("size", "ok", f"{columns}x{rows}")
    return Check("size", "note", f"{columns}x{rows}", "the dashboard shows more from 80x24 on")


def _colours(term: str) -> str:
    if "NO_COLOR" in os.environ:
        return "none, as NO_COLOR asks"
    if os.environ.get("COLORTERM") in {"truecolor", "24bit"}:
        return "true colour"
    return "256" if "256" in term else "none" if term in {"", "dumb"} else "16"
