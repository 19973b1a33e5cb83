"""The beginning and the end of a recorded run, and what a resumed one has to know of what was before."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asgml.core.data.base import DataError, Dataset
from asgml.core.run.commands import CommandHandler, answered_in, replays_after
from asgml.core.run.recorder import Recorder
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import FormatError
from asgml.storage.format.metrics import METRICS
from asgml.storage.format.regression_metrics import REGRESSION_METRICS
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run


def earlier_run(paths: RunPaths) -> Run | None:
    """What the run published before, None where it never came to its store. Raises FormatError where it cannot be gone on with."""
    run = Run.open(paths)
    if run.manifest is None:
        return None
    if tuple(run.manifest.metrics) not in (METRICS, REGRESSION_METRICS):
        raise FormatError(
            f"run {paths.name} was recorded with other metrics than this version's; start a new run with its run.toml"
        )
    return run


def refuse_other_data(paths: RunPaths, earlier: Run, data: Dataset) -> None:
    """A run goes on with the data that it began with. Raises DataError where file, sizes or classes are others now."""
    began: Mapping[str, Any] = earlier.manifest.data if earlier.manifest else {}
    for key, what in (
        ("sha256", "content"),
        ("counts", "sizes"),
        ("class_counts", "classes"),
        ("val", "validation part"),
    ):
        if key in began and key in data.info and began[key] != data.info[key]:
            now, then = (str(found)[:60] for found in (data.info[key], began[key]))
            raise DataError(
                f"run {paths.name} began with other data: its {what} was {then}, that of {data.name} is {now}; "
                "put the old data back, or start a new run"
            )


def remember(command_handler: CommandHandler, step: int, earlier: Run) -> None:
    """Tells the desk of a run that goes on after `step` what was answered before, and which knobs were turned after that step."""
    command_handler.restore(answered_in(earlier.events), replays_after(step, earlier.events))


def emit_beginning(word: str, command_handler: CommandHandler) -> None:
    """The run is `started` or `resumed` in this process, with these knobs."""
    command_handler.recorder.event(
        word, pid=os.getpid(), host=socket.gethostname(), knobs=command_handler.live_settings.live()
    )


def emit_checkpoint(recorder: Recorder, path: Path, why: str, began: float) -> None:
    """A checkpoint lies at `path` now; saving it took from `began` on, by the monotonic clock."""
    seconds = round(time.monotonic() - began, 3)
    recorder.event(
        "checkpoint",
        path=f"{path.parent.name}/{path.name}",
        bytes=path.stat().st_size,
        seconds=seconds,
        why=why,
    )


def close_run(end: State, command_handler: CommandHandler, error: str = "") -> None:
    """Answers what still waits, tells how the run ended, and closes it."""
    recorder: Recorder = command_handler.recorder
    command_handler.close()
    recorder.emit_alerts()
    recorder.event(end.label, **({"error": error} if error else {}))
    recorder.close(end)


def one_line(failure: BaseException) -> str:
    """An error as an event tells it."""
    return f"{type(failure).__name__}: {failure}".splitlines()[0]
