"""The styles by meaning, for dark, light and 16-colour terminals."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style

from asgml.tui.plot.glyphs import ASCII, Glyphs
from asgml.tui.terminal.palettes import colours_of

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
    "gone": ("✗", "x", "bad"),
    "unreadable": ("✗", "x", "bad"),
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
    colours = colours_of(ansi=ansi, dark=dark)
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
