"""The clipboard of the terminal, by OSC 52: what can be copied, and where it cannot."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

from asgml.storage.format.safe_text import one_line

MOST = 8000
"""Most characters that are copied: some terminals drop a longer sequence as a whole."""


def clipboard_text(text: str) -> str:
    """Return a text as it may be copied: one line without control characters, of bounded length."""
    return one_line(text)[:MOST]


def clipboard_refusal(environ: Mapping[str, str] = os.environ) -> str:
    """Return why this terminal would not take what is copied; "" where nothing speaks against it.

    A terminal never answers whether it did.
    """
    term = environ.get("TERM", "")
    if term in ("", "dumb", "linux") or term.startswith(("vt", "ansi")):
        return f"a terminal of the kind {term or 'unknown'} has no clipboard"
    if "TMUX" in environ:
        return "" if _tmux_takes_it() else _TMUX
    if "STY" in environ:
        return "GNU screen passes no clipboard on; select it with the mouse"
    return ""


_TMUX = "tmux keeps the clipboard to itself; `tmux set -s set-clipboard on` lets programs copy"


def _tmux_takes_it() -> bool:
    """Return False where tmux says that it drops what programs copy, True where it says nothing."""
    try:
        answer = subprocess.run(
            ["tmux", "show-options", "-sv", "set-clipboard"],
            capture_output=True,
            text=True,
            timeout=1,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return True
    return answer.returncode != 0 or answer.stdout.strip() == "on"
