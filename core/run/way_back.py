"""The way back behind a knob change: the checkpoint before it, and those after it set aside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asgml.core.run.checkpoint_files import saved, step_of, up_to
from asgml.core.run.command_checks import RefusedError
from asgml.storage.format.events import Event
from asgml.storage.read.knob_changes import KnobChange


def checkpoint_before(folder: Path, change: KnobChange, events: Sequence[Event]) -> Path:
    """Return the last checkpoint that was saved before a change. Raise RefusedError for none."""
    for path in up_to(folder, change.step):
        if step_of(path) < change.step or _saved_before(path, change, events):
            return path
    raise RefusedError(
        f"no checkpoint from before {change.knob} was set at step {change.step} is there any more; "
        "undo without the weights sets the knob back alone"
    )


def set_aside(folder: Path, step: int, segment: int) -> None:
    """Rename the checkpoints after `step`, so that no resume goes on from them.

    They stay as `undone-SEGMENT-STEP.pt`. Raise OSError with all of them as they were.
    """
    done: list[tuple[Path, Path]] = []
    try:
        for path in (each for each in saved(folder) if step_of(each) > step):
            aside = path.with_name(f"undone-{segment}-{step_of(path):08d}.pt")
            path.rename(aside)
            done.append((path, aside))
    except OSError:
        for path, aside in done:
            aside.rename(path)
        raise


def _saved_before(path: Path, change: KnobChange, events: Sequence[Event]) -> bool:
    """Return True where the events tell of the checkpoint, and of the change only after that."""
    last = -1
    for place, event in enumerate(events):
        if event.kind == "checkpoint" and Path(str(event.get("path"))).name == path.name:
            last = place
        if change.id in (event.get("id"), event.get("repeats")):
            return last >= 0
    return False
