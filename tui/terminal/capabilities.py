"""Abilities of this terminal, from the environment: characters, colours, frames a second."""

from __future__ import annotations

import os
from collections.abc import Mapping

from asgml.storage.format.plain_text import has_unicode
from asgml.tui.plot.glyphs import ASCII, BRAILLE, HALF, Glyphs


def choose_glyphs(
    environ: Mapping[str, str] = os.environ, encoding: str | None = None, ascii: bool = False
) -> Glyphs:
    """Return braille where the terminal has it, half blocks on the Linux console, else ASCII."""
    unicode = "utf" in encoding.lower() if encoding else has_unicode(environ)
    term = environ.get("TERM", "")
    if ascii or not unicode or term.startswith(("dumb", "vt")):
        return ASCII
    return HALF if term == "linux" else BRAILLE


def over_ssh(environ: Mapping[str, str] = os.environ) -> bool:
    """Return True where the terminal is on another machine."""
    return "SSH_CONNECTION" in environ or "SSH_TTY" in environ


def draw_interval(environ: Mapping[str, str] = os.environ) -> float:
    """Return the seconds between two frames: 0.25 here, 1 over SSH, at any step rate."""
    return 1.0 if over_ssh(environ) else 0.25


def few_colours(environ: Mapping[str, str] = os.environ) -> bool:
    """Return True where only the terminal's 16 colours are safe; they also follow its theme."""
    term, colour = environ.get("TERM", ""), environ.get("COLORTERM", "")
    many = any(name in term for name in ("256", "kitty", "direct"))
    return colour not in ("truecolor", "24bit") and not many


def choose_theme(environ: Mapping[str, str] = os.environ) -> str:
    """Return the theme for the colours of this terminal, light where it tells a light background.

    COLORFGBG is `foreground;background` in numbers of the 16 colours, set by rxvt, Konsole, mintty.
    """
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    shade = "light" if background in ("7", "15") else "dark"
    return f"{'ansi' if few_colours(environ) else 'asgml'}-{shade}"
