"""Reasons not to steer a training: replays, read-only dashboards, runs without a trainer."""

from __future__ import annotations

from asgml.storage.format.status import ENDED
from asgml.storage.read.remedies import GONE
from asgml.tui.scene.control import Control
from asgml.tui.scene.scene import Scene

_ENDINGS = {
    "finished": "finished",
    "failed": "failed",
    "stopped": "been stopped",
    "crashed": "crashed",
    "diverged": "diverged",
}


def steering_refusal(scene: Scene, replayed: bool, readonly: bool) -> str:
    """Return why the training cannot be steered, with what to do instead; "" where it can."""
    name = scene.name
    # a replay first: the state of its moment may be one of a living trainer
    if replayed:
        return f"this is a replay; `asgml watch {name}` steers a living run"
    if readonly:
        return f"read-only: `asgml watch {name}` without --readonly steers the training"
    if scene.state in (GONE, "unreadable"):
        return f"the run is {scene.state}; {scene.remedy or 'nothing of it is known'}"
    if scene.state in ENDED and scene.manifest is None:
        return f"the training never began; {scene.remedy}"
    if scene.state in ENDED:
        return f"the training has {_ENDINGS[scene.state]}; {scene.remedy}"
    if scene.state == "stale":
        return f"no sign of the trainer on {scene.trainer.host}; {scene.remedy}"
    if scene.manifest is None:
        return "the training is not up yet; try again when it runs"
    return ""


def control_refusal(control: Control) -> str:
    """Return who else steers, and how to take over; "" where nobody does."""
    return f"{control.text}; t takes over" if control.foreign else ""
