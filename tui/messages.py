"""Messages from the reading thread to the screens. A newer one replaces those that wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.message import Message

from asgml.tui.scene.scene import Scene

Severity = Literal["information", "warning", "error"]


class SceneChanged(Message, bubble=False):
    """A new scene to draw."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene = scene

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SceneChanged)


class Notification(Message, bubble=False):
    """One line for the user, in the corner of the screen. None replaces another."""

    def __init__(self, text: str, severity: Severity = "information") -> None:
        super().__init__()
        self.text = text
        self.severity = severity


@dataclass(frozen=True)
class RunLine:
    """One run in the list of runs. `best` is its best validation accuracy, NaN without one."""

    name: str
    state: str
    step: int
    total: int
    best: float


class RunsListed(Message, bubble=False):
    """The list of runs that was asked for."""

    def __init__(self, runs: tuple[RunLine, ...]) -> None:
        super().__init__()
        self.runs = runs

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunsListed)
