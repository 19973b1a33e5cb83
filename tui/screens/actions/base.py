"""The base of the groups of keys: what they use of the screen, and how they declare handlers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from textual.app import App

from asgml.storage.runs.record import RunRecord
from asgml.tui.messages import Severity
from asgml.tui.scene.panels import Panel
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.widgets.grid import PlotGrid
from asgml.tui.widgets.plot_box import PlotBox

if TYPE_CHECKING:
    from asgml.tui.session.session import Session

Handler = Callable[[], None]


class ChartScreen(Protocol):
    """A screen with charts as the handlers use it."""

    @property
    def keys_of(self) -> str:
        """The name of the screen in the table of keys."""

    @property
    def panels(self) -> list[Panel]:
        """The charts that pass the filter."""

    @property
    def grid(self) -> PlotGrid: ...

    @property
    def app(self) -> App[object]: ...

    def selected_chart(self) -> PlotBox | None:
        """Return the selected chart, None while it is not on the screen."""

    def reach(self) -> tuple[float, float] | None:
        """Return the smallest and the largest x value of all data, None without any."""

    def smooth(self, weight: float) -> None:
        """Smooth the curves with this weight from the next scene on."""

    def draw(self) -> None:
        """Draw the scene as the view asks, once the layout has settled."""

    def set_solo(self, on: bool) -> None:
        """Show the selected chart on the whole screen, or all of them."""

    def show_message(self, text: str, severity: Severity = "information") -> None:
        """Show a line in the corner for some seconds; it is never read as markup."""


class DashboardScreen(ChartScreen, Protocol):
    """The main screen as the handlers use it."""

    @property
    def scene(self) -> Scene:
        """The scene on screen; a frozen view keeps an older one than the session has."""

    @property
    def runs(self) -> tuple[RunRecord, ...] | None:
        """The runs of the folder, None while they were not read."""

    def list_runs(self) -> None:
        """Ask for the runs to be read."""


class KeyHandlers(ABC):
    """Handlers that belong together."""

    @abstractmethod
    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by their id in the table of keys."""


class ChartActions(KeyHandlers):
    """Handlers of any screen with charts. They change the view; the screen draws."""

    def __init__(self, view: View, screen: ChartScreen) -> None:
        self._view = view
        self._screen = screen


class ActionGroup(KeyHandlers):
    """Handlers of the main screen. They change the view, or ask the session; the screen draws."""

    def __init__(self, session: Session, view: View, screen: DashboardScreen) -> None:
        self._session = session
        self._view = view
        self._screen = screen
