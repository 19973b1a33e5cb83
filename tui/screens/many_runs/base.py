"""The base of the groups of keys of the run list, and what they use of its screen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from textual.app import App

from asgml.storage.runs.record import RunRecord
from asgml.tui.messages import Severity
from asgml.tui.scene.run_listing import RunListing
from asgml.tui.scene.run_row import ListRow
from asgml.tui.scene.run_sorting import ListOptions
from asgml.tui.screens.actions.base import Handler
from asgml.tui.session.run_table import RunTable

HEIGHTS = [(0, "-line"), (8, "-tiny"), (14, "-short"), (18, "-tall")]
"""The least rows of the terminal from which a class of `many_runs.tcss` holds."""


class ListScreenProtocol(Protocol):
    """The screen of the run list as the handlers use it."""

    table: RunTable
    readonly: bool
    listing: RunListing
    options: ListOptions
    marked: set[Path]
    place: int

    @property
    def app(self) -> App[Any]: ...

    @property
    def row(self) -> ListRow | None: ...

    @property
    def targets(self) -> list[RunRecord]: ...

    @property
    def marked_records(self) -> list[RunRecord]: ...

    @property
    def page(self) -> int: ...

    def move_to(self, place: int) -> None: ...

    def choose(self, options: ListOptions, *, first: bool = False) -> None: ...

    def draw(self) -> None: ...

    def show_message(self, text: str, severity: Severity = "information") -> None: ...


class ListActionGroup(ABC):
    """Handlers that belong together."""

    def __init__(self, screen: ListScreenProtocol) -> None:
        self._screen = screen

    @abstractmethod
    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by their id in the table of keys."""
