"""Messages from the reading thread to the screens. A newer one replaces those that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from textual.message import Message

if TYPE_CHECKING:
    from asgml.storage.runs.record import RunRecord
    from asgml.tui.scene.comparison import Comparison
    from asgml.tui.scene.plan_progress import PlanProgress
    from asgml.tui.scene.run_listing import RunListing
    from asgml.tui.scene.scene import Scene

Severity = Literal["information", "warning", "error"]


class SceneChanged(Message, bubble=False):
    """A new scene to draw."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene = scene

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SceneChanged)


class ComparisonChanged(Message, bubble=False):
    """A new moment of a comparison to draw."""

    def __init__(self, comparison: Comparison) -> None:
        super().__init__()
        self.comparison = comparison

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ComparisonChanged)


class Notification(Message, bubble=False):
    """One line for the user, in the corner of the screen. None replaces another."""

    def __init__(self, text: str, severity: Severity = "information") -> None:
        super().__init__()
        self.text = text
        self.severity = severity


class RunsListed(Message, bubble=False):
    """The runs of the folder, the newest first; with a listing while the run list is on screen."""

    def __init__(self, records: tuple[RunRecord, ...], listing: RunListing | None = None) -> None:
        super().__init__()
        self.records = records
        self.listing = listing

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunsListed)


class RunsCounted(Message, bubble=False):
    """A reading of runs that takes long: so many of all are read."""

    def __init__(self, done: int, total: int) -> None:
        super().__init__()
        self.done, self.total = done, total

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunsCounted)


class PlanChanged(Message, bubble=False):
    """The state of the plan that is followed."""

    def __init__(self, progress: PlanProgress) -> None:
        super().__init__()
        self.progress = progress

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, PlanChanged)
