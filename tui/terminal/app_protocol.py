"""The attributes of the program that widgets and screens use, so that neither has to import it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from textual.app import App
from textual.notifications import SeverityLevel

from asgml.tui.terminal.ansi import ByteCounter
from asgml.tui.terminal.theme import Styles


class NavigationProtocol(Protocol):
    """The way between the screens."""

    def show_runs(self, plan: Path | None = None) -> None:
        """Go to the run list."""

    def show_plan(self, folder: Path) -> None:
        """Open a plan."""

    def compare(self, paths: Sequence[Path]) -> None:
        """Open a comparison of runs."""

    def open_run(self, path: Path) -> None:
        """Open a run."""

    def back_to_run(self) -> bool:
        """Go to the run that was on screen; False where there was none."""

    def back(self) -> bool:
        """Leave the screen that is on; False for the lowest one."""


class AppProtocol(Protocol):
    """The program.

    `interval` is the time between two frames in seconds; `mapped` has the keys
    that the user has given to ids of the table of keys.
    """

    theme_styles: Styles
    interval: float
    bytes_sent: ByteCounter
    mapped: dict[str, str]
    navigation: NavigationProtocol

    def show_message(self, text: str, severity: SeverityLevel = "information") -> None:
        """Show a line for some seconds; it is never read as markup."""

    def redraw(self) -> None:
        """Send the whole screen again."""

    def suspend_to_shell(self) -> None:
        """Hand the terminal back to the shell until `fg`."""

    def detach(self) -> None:
        """Leave the dashboard; the training goes on."""


@runtime_checkable
class Redrawable(Protocol):
    """A screen that lays out its own lines and must do so again when a widget changes its size."""

    def draw(self) -> None:
        """Draw the scene again."""


@runtime_checkable
class Restyled(Protocol):
    """A screen that keeps drawn cells and must forget them when the theme changes."""

    def restyle(self) -> None:
        """Draw everything anew."""


def app_of(app: App[object]) -> AppProtocol:
    """Return Textual's app, typed as the dashboard."""
    return cast("AppProtocol", app)
