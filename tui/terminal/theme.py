"""How the dashboard looks on this terminal: colours, shapes, and how often it draws."""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping
from dataclasses import dataclass

from rich.style import Style
from textual.theme import Theme

from asgml.tui.plot.raster import ASCII, BRAILLE, HALF, Glyphs

DARK = Theme(
    name="asgml-dark",
    primary="#6cb6ff",
    secondary="#39c5cf",
    accent="#6cb6ff",
    warning="#e3b341",
    error="#ff7b72",
    success="#56d364",
    foreground="#d5dae0",
    background="#0d1117",
    surface="#161b22",
    panel="#1c232c",
    dark=True,
)
LIGHT = Theme(
    name="asgml-light",
    primary="#0550ae",
    secondary="#1b7c83",
    accent="#0550ae",
    warning="#7d4e00",
    error="#b3151f",
    success="#116329",
    foreground="#1f2328",
    background="#ffffff",
    surface="#f3f5f7",
    panel="#e6eaef",
    dark=False,
)

_SERIES_DARK = (
    "#6cb6ff",
    "#f69d50",
    "#6bd968",
    "#d2a8ff",
    "#e3c14b",
    "#ff8fc7",
    "#56d4dd",
    "#ff7b72",
)
_DIM_DARK = ("#2b4a69", "#63422a", "#2d5a30", "#55446b", "#5c5023", "#663b52", "#245a5f", "#663531")
_SERIES_LIGHT = (
    "#0550ae",
    "#b35000",
    "#1a7f37",
    "#8250df",
    "#7d5e00",
    "#bf3989",
    "#1b7c83",
    "#cf222e",
)
_DIM_LIGHT = (
    "#b3cdea",
    "#ecc9ab",
    "#b5dcbe",
    "#dac9f7",
    "#e3d6a6",
    "#f0c4dd",
    "#b0dadd",
    "#f3bfc3",
)
_SERIES_ANSI = (
    "bright_blue",
    "bright_yellow",
    "bright_green",
    "bright_magenta",
    "bright_cyan",
    "bright_red",
    "bright_white",
    "green",
)
_DIM_ANSI = ("blue", "yellow", "green", "magenta", "cyan", "red", "bright_black", "bright_black")


@dataclass(frozen=True)
class Look:
    """Styles and shapes by meaning. Nothing is told by colour alone: states have words, series have markers."""

    glyphs: Glyphs
    series: tuple[Style, ...]
    dim: tuple[Style, ...]
    text: Style
    muted: Style
    strong: Style
    title: Style
    frame: Style
    selected: Style
    good: Style
    warn: Style
    bad: Style
    key: Style
    wish: Style
    mark: Style

    def line(self, index: int) -> Style:
        return self.series[index % len(self.series)]

    def faint(self, index: int) -> Style:
        return self.dim[index % len(self.dim)]

    def marker(self, index: int) -> str:
        return self.glyphs.markers[index % len(self.glyphs.markers)]

    def level(self, name: str) -> Style:
        return {"good": self.good, "warn": self.warn, "bad": self.bad}.get(name, self.text)

    @property
    def plain(self) -> bool:
        """Only ASCII may be sent."""
        return self.glyphs is ASCII

    def sign(self, fancy: str, plain: str) -> str:
        return plain if self.plain else fancy


def make_look(glyphs: Glyphs, *, ansi: bool = False, dark: bool = True) -> Look:
    if ansi:
        return _look(glyphs, _SERIES_ANSI, _DIM_ANSI, {
            "text": "default", "muted": "bright_black", "frame": "bright_black", "accent": "bright_blue",
            "good": "green", "warn": "yellow", "bad": "bright_red", "mark": "bright_magenta",
        })  # fmt: skip
    if dark:
        return _look(glyphs, _SERIES_DARK, _DIM_DARK, {
            "text": "#d5dae0", "muted": "#7d8794", "frame": "#3a434f", "accent": "#6cb6ff",
            "good": "#56d364", "warn": "#e3b341", "bad": "#ff7b72", "mark": "#c39bff",
        })  # fmt: skip
    return _look(glyphs, _SERIES_LIGHT, _DIM_LIGHT, {
        "text": "#1f2328", "muted": "#656d76", "frame": "#b8c0ca", "accent": "#0550ae",
        "good": "#116329", "warn": "#7d4e00", "bad": "#b3151f", "mark": "#6639ba",
    })  # fmt: skip


def _look(
    glyphs: Glyphs, series: tuple[str, ...], dim: tuple[str, ...], colours: Mapping[str, str]
) -> Look:
    def style(name: str, bold: bool | None = None, italic: bool | None = None) -> Style:
        return Style(color=colours[name], bold=bold, italic=italic)

    return Look(
        glyphs=glyphs,
        series=tuple(Style(color=colour) for colour in series),
        dim=tuple(Style(color=colour) for colour in dim),
        text=style("text"),
        muted=style("muted"),
        strong=style("text", bold=True),
        title=style("text", bold=True),
        frame=style("frame"),
        selected=style("accent", bold=True),
        good=style("good", bold=True),
        warn=style("warn", bold=True),
        bad=style("bad", bold=True),
        key=style("accent", bold=True),
        wish=style("muted", italic=True),
        mark=style("mark"),
    )


def choose_glyphs(
    environ: Mapping[str, str] = os.environ, encoding: str | None = None, ascii: bool = False
) -> Glyphs:
    """Braille where the terminal has it, half blocks on the Linux console, ASCII where nothing else is safe."""
    encoding = encoding or locale.getpreferredencoding(False)
    term = environ.get("TERM", "")
    if ascii or "utf" not in encoding.lower() or term.startswith(("dumb", "vt")):
        return ASCII
    return HALF if term == "linux" else BRAILLE


def over_ssh(environ: Mapping[str, str] = os.environ) -> bool:
    return "SSH_CONNECTION" in environ or "SSH_TTY" in environ


def draw_interval(environ: Mapping[str, str] = os.environ) -> float:
    """Seconds between two looks at the run: 4 Hz here, 1 Hz over SSH, whatever the step rate."""
    return 1.0 if over_ssh(environ) else 0.25


def few_colours(environ: Mapping[str, str] = os.environ) -> bool:
    """True where only the terminal's own 16 colours are safe; they also follow the terminal's own theme."""
    term, colour = environ.get("TERM", ""), environ.get("COLORTERM", "")
    return (
        colour not in ("truecolor", "24bit")
        and "256" not in term
        and "kitty" not in term
        and "direct" not in term
    )


SHAPES: dict[str, tuple[str, str, str]] = {
    "opening": ("◌", "o", "muted"),
    "starting": ("◌", "o", "warn"),
    "running": ("●", "*", "good"),
    "paused": ("‖", "=", "warn"),
    "stopping": ("◐", "~", "warn"),
    "finished": ("✓", "+", "good"),
    "stopped": ("■", "#", "muted"),
    "failed": ("✗", "x", "bad"),
    "crashed": ("✗", "x", "bad"),
    "stale": ("?", "?", "warn"),
}
"""State → shape, ASCII shape, and the style by meaning. The word always stands beside it."""


def shape(look: Look, state: str) -> tuple[str, Style]:
    fancy, plain, meaning = SHAPES.get(state, ("?", "?", "muted"))
    return look.sign(fancy, plain), getattr(look, meaning)
