"""A Textual program with the themes, characters and keys of this terminal, and how to leave it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.filter import LineFilter, Monochrome, NoColor
from textual.notifications import SeverityLevel
from textual.screen import Screen

from asgml.tui.terminal.app_protocol import Restyled
from asgml.tui.terminal.ascii_filter import AsciiFilter
from asgml.tui.terminal.capabilities import choose_glyphs, choose_theme, draw_interval, over_ssh
from asgml.tui.terminal.diff_app import DiffApp
from asgml.tui.terminal.palettes import THEMES
from asgml.tui.terminal.theme import make_styles

_SIGNS: dict[SeverityLevel, str] = {"information": "", "warning": "▲ ", "error": "✗ "}
Commands = set[type[Provider] | Callable[[], type[Provider]]]


class ThemedApp(DiffApp):
    """The base of the programs that open screens.

    `keymap` gives ids of the table of keys another key; `interval` is the time between two frames
    in seconds, None for the one that suits this terminal; `theme` is one of THEMES, "auto" for the
    one that suits it.
    """

    TITLE = "asgml"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "detach", show=False, priority=True),
        Binding("ctrl+z", "suspend_to_shell", show=False, priority=True),
    ]
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        *,
        ascii: bool = False,
        keymap: dict[str, str] | None = None,
        interval: float | None = None,
        theme: str = "auto",
    ) -> None:
        super().__init__()
        self.interval = interval or draw_interval()
        self.mapped = keymap or {}
        self._glyphs = choose_glyphs(ascii=ascii)
        self.theme_styles = make_styles(self._glyphs)
        self._last_filters = [AsciiFilter()] if self.theme_styles.ascii_only else []
        for name in list(self.available_themes):
            self.unregister_theme(name)
        for known in THEMES:
            self.register_theme(known)
        self.theme = choose_theme() if theme == "auto" else theme
        if over_ssh():
            self.animation_level = "none"

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda theme: self.restyle())
        self.restyle()
        if self.mapped:
            self.set_keymap(self.mapped)
        self.count_bytes()

    def get_line_filters(self) -> Sequence[LineFilter]:
        # NO_COLOR asks for none: Textual's own filter would send greys, some of them unreadable
        found = [
            NoColor() if isinstance(each, Monochrome) else each
            for each in super().get_line_filters()
        ]
        return [*found, *self._last_filters]

    def restyle(self) -> None:
        """Make the styles of the theme that is on now."""
        self.theme_styles = make_styles(
            self._glyphs, ansi=self.native_ansi_color, dark=self.current_theme.dark
        )
        for screen in self.screen_stack:
            if isinstance(screen, Restyled):
                screen.restyle()

    def get_css_variables(self) -> dict[str, str]:
        found = super().get_css_variables()
        if self.no_color:  # a background would not be seen
            for cursor in ("block-cursor", "block-cursor-blurred"):
                found[f"{cursor}-text-style"] = "bold underline"
        return found

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show the newest message alone, in the place of the lowest line: it hides no chart."""
        self.clear_notifications()
        sign = _SIGNS[severity] if not self.theme_styles.ascii_only else ""
        super().notify(
            f"{sign}{message}", title=title, severity=severity, timeout=timeout, markup=markup
        )

    def show_message(self, text: str, severity: SeverityLevel = "information") -> None:
        """Show a line for some seconds; what went wrong stays longer, it has to be read."""
        seconds = 6 if severity == "information" else 10
        self.notify(text, severity=severity, markup=False, timeout=seconds)

    def action_suspend_to_shell(self) -> None:
        self.suspend_to_shell()

    def suspend_to_shell(self) -> None:
        """Hand the terminal back to the shell until `fg`; a browser has no shell to go to."""
        self.action_suspend_process()

    def action_detach(self) -> None:
        self.detach()

    def detach(self) -> None:
        """Leave the program; no training ends by it."""
        self.exit(return_code=0)

    async def action_quit(self) -> None:
        self.detach()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield SystemCommand("theme", "choose another theme", self.action_change_theme)


COMMANDS: Commands = set(App.COMMANDS)
"""The commands of Textual that every program offers."""
