"""What widgets and screens need of the program around them, so that neither has to import it."""

from __future__ import annotations

from typing import Protocol, cast, runtime_checkable

from textual.app import App

from asgml.tui.terminal.diff_renderer import ByteCounter
from asgml.tui.terminal.theme import Look


class Host(Protocol):
    """The program: how it looks, how often it draws, what it has sent, which keys were given to other ids."""

    look: Look
    interval: float
    sent: ByteCounter
    mapped: dict[str, str]

    def redraw(self) -> None: ...

    def detach(self) -> None: ...


@runtime_checkable
class Drawn(Protocol):
    """A screen that lays out its own lines and must do so again when their room changes."""

    def draw(self) -> None: ...


def host_of(app: App[object]) -> Host:
    return cast("Host", app)
