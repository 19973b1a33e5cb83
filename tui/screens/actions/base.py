"""The base of the groups of keys: what they use of the screen, and how they declare handlers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from textual.app import App

from asgml.tui.messages import Severity
from asgml.tui.scene.panels import Panel
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.widgets.chart import Chart
from asgml.tui.widgets.grid import ChartGrid

if TYPE_CHECKING:
    from asgml.tui.session.session import Session

Handler = Callable[[], None]


class DashboardScreen(Protocol):
    """The main screen as the handlers use it."""

    @property
    def scene(self) -> Scene:
        """The scene on screen; a frozen view keeps an older one than the session has."""

    @property
    def panels(self) -> list[Panel]:
        """The charts that pass the filter."""

    @property
    def grid(self) -> ChartGrid: ...

    @property
    def app(self) -> App[object]: ...

    def selected_chart(self) -> Chart | None:
        """Return the selected chart, None while it is not on the screen."""

    def draw(self) -> None:
        """Draw the scene as the view asks, once the layout has settled."""

    def set_solo(self, on: bool) -> None:
        """Show the selected chart on the whole screen, or all of them."""

    def show_message(self, text: str, severity: Severity = "information") -> None:
        """Show a line in the corner for some seconds; it is never read as markup."""


class ActionGroup(ABC):
    """Handlers that belong together. They change the view, or ask the session; the screen draws."""

    def __init__(self, session: Session, view: View, screen: DashboardScreen) -> None:
        self._session = session
        self._view = view
        self._screen = screen

    @abstractmethod
    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by their id in the table of keys."""
