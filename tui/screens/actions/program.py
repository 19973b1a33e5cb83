"""The program itself: help, command palette, a fresh screen, leaving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import App

from asgml.tui.screens.actions.base import ChartActions, Handler
from asgml.tui.screens.help import HelpScreen
from asgml.tui.terminal.app_protocol import app_of


class ProgramActions(ChartActions):
    """Handlers that act on the dashboard itself. None reaches the training, leaving included."""

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "help": self._help,
            "palette": self._palette,
            "redraw": self._redraw,
            "suspend": self._suspend,
            "detach": self._detach,
        }

    def _help(self) -> None:
        show_help(self._screen.app, self._screen.keys_of)

    def _palette(self) -> None:
        self._screen.app.action_command_palette()

    def _redraw(self) -> None:
        app_of(self._screen.app).redraw()

    def _suspend(self) -> None:
        app_of(self._screen.app).suspend_to_shell()

    def _detach(self) -> None:
        app_of(self._screen.app).detach()


def show_help(app: App[Any], screen: str) -> None:
    """Open the help of a screen, by its name in the table of keys."""
    host = app_of(app)
    app.push_screen(HelpScreen(screen, host.theme_styles, host.mapped))
