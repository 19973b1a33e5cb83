"""Themes of the dashboard: the styles by meaning, for dark, light and 16-colour terminals."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from textual.theme import Theme

from asgml.tui.plot.glyphs import ASCII, Glyphs

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


@dataclass(frozen=True)
class _Colours:
    """The colours of one theme, as names or `#rrggbb`; those of curves separated by spaces."""

    curves: str
    raw_curves: str
    text: str
    muted: str
    frame: str
    accent: str
    good: str
    warn: str
    bad: str
    mark: str


_ON_DARK = _Colours(
    curves="#6cb6ff #f69d50 #6bd968 #d2a8ff #e3c14b #ff8fc7 #56d4dd #ff7b72",
    raw_curves="#2b4a69 #63422a #2d5a30 #55446b #5c5023 #663b52 #245a5f #663531",
    text="#d5dae0",
    muted="#7d8794",
    frame="#3a434f",
    accent="#6cb6ff",
    good="#56d364",
    warn="#e3b341",
    bad="#ff7b72",
    mark="#c39bff",
)
_ON_LIGHT = _Colours(
    curves="#0550ae #b35000 #1a7f37 #8250df #7d5e00 #bf3989 #1b7c83 #cf222e",
    raw_curves="#b3cdea #ecc9ab #b5dcbe #dac9f7 #e3d6a6 #f0c4dd #b0dadd #f3bfc3",
    text="#1f2328",
    muted="#656d76",
    frame="#b8c0ca",
    accent="#0550ae",
    good="#116329",
    warn="#7d4e00",
    bad="#b3151f",
    mark="#6639ba",
)
_ANSI = _Colours(
    curves="bright_blue bright_yellow bright_green bright_magenta"
    " bright_cyan bright_red bright_white green",
    raw_curves="blue yellow green magenta cyan red bright_black bright_black",
    text="default",
    muted="bright_black",
    frame="bright_black",
    accent="bright_blue",
    good="green",
    warn="yellow",
    bad="bright_red",
    mark="bright_magenta",
)

_STATES: dict[str, tuple[str, str, str]] = {
    "opening": ("◌", "o", "muted"),
    "starting": ("◌", "o", "warn"),
    "running": ("●", "*", "good"),
    "paused": ("‖", "=", "warn"),
    "stopping": ("◐", "~", "warn"),
    "finished": ("✓", "+", "good"),
    "stopped": ("■", "#", "muted"),
    "failed": ("✗", "X", "bad"),
    "crashed": ("✗", "X", "bad"),
    "diverged": ("✗", "X", "bad"),
    "stale": ("?", "?", "warn"),
}
"""State → character, ASCII character, style. The state's name always stands beside them."""


@dataclass(frozen=True)
class Styles:
    """Styles and characters by meaning.

    Colour never carries it alone: states have names, curves have markers.
    """

    glyphs: Glyphs
    curves: tuple[Style, ...]
    raw_curves: tuple[Style, ...]
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
    pending: Style
    mark: Style

    def curve(self, index: int) -> Style:
        """Return the style of the curve with this place in the order of colours."""
        return self.curves[index % len(self.curves)]

    def raw_curve(self, index: int) -> Style:
        """Return the dim style of the recorded values under a smoothed curve."""
        return self.raw_curves[index % len(self.raw_curves)]

    def marker(self, index: int) -> str:
        """Return the character that tells a curve from the others without colour."""
        return self.glyphs.markers[index % len(self.glyphs.markers)]

    def level(self, name: str) -> Style:
        """Return the style of a log line's level: info, good, warn or bad."""
        return {"good": self.good, "warn": self.warn, "bad": self.bad}.get(name, self.text)

    def state(self, name: str) -> tuple[str, Style]:
        """Return the character of a run's state, and its style."""
        unicode, ascii, meaning = _STATES.get(name, ("?", "?", "muted"))
        return self.glyph(unicode, ascii), getattr(self, meaning)

    @property
    def ascii_only(self) -> bool:
        """True where only ASCII may be sent."""
        return self.glyphs is ASCII

    def glyph(self, unicode: str, ascii: str) -> str:
        """Return the character that this terminal can show."""
        return ascii if self.ascii_only else unicode


def make_styles(glyphs: Glyphs, *, ansi: bool = False, dark: bool = True) -> Styles:
    """Return the styles for a theme: `ansi` for the terminal's 16 colours, else dark or light."""
    colours = _ANSI if ansi else _ON_DARK if dark else _ON_LIGHT
    return Styles(
        glyphs=glyphs,
        curves=tuple(Style(color=colour) for colour in colours.curves.split()),
        raw_curves=tuple(Style(color=colour) for colour in colours.raw_curves.split()),
        text=Style(color=colours.text),
        muted=Style(color=colours.muted),
        strong=Style(color=colours.text, bold=True),
        title=Style(color=colours.text, bold=True),
        frame=Style(color=colours.frame),
        selected=Style(color=colours.accent, bold=True),
        good=Style(color=colours.good, bold=True),
        warn=Style(color=colours.warn, bold=True),
        bad=Style(color=colours.bad, bold=True),
        key=Style(color=colours.accent, bold=True),
        pending=Style(color=colours.muted, italic=True),
        mark=Style(color=colours.mark),
    )
