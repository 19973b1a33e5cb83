"""Follows a training from outside: until its trainer is up, and to the end of the run with a progress line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from asgml.app.errors import RunFailedError, narrate
from asgml.app.event_text import duration, number, sentence
from asgml.app.launcher import Trainer
from asgml.app.lookup import open_run
from asgml.app.text import one_line

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

LOOK_EVERY = 0.25
PLAIN_EVERY = 15.0
"""Seconds between progress lines where stderr is no terminal (a CI log)."""
OVER = ("finished", "stopped", "failed", "crashed")
TOLD = ("alert", "command", "phase", "evaluation", "failed")
"""Kinds of events that are worth a line beside the progress."""


def is_up(trainer: Trainer) -> bool:
    """Whether this very trainer has published a sign of life (a resumed run has an older one from its predecessor)."""
    if not (trainer.paths.store / "zarr.json").is_file():
        return False
    run = open_run(trainer.paths)
    return run.head is not None and run.head.pid == trainer.pid and run.state() != "starting"


def wait_until_up(trainer: Trainer) -> None:
    """Returns once the trainer is up. Raises RunFailedError with its last words if it dies before."""
    while not is_up(trainer):
        if trainer.exit_code() is not None and not is_up(trainer):
            raise start_failure(trainer)
        time.sleep(LOOK_EVERY)


def start_failure(trainer: Trainer) -> RunFailedError:
    """Shows the last lines of trainer.log and says where the rest is."""
    words = trainer.last_words()
    for line in words[:-1]:
        narrate(f"  {line}")
    cause = (
        words[-1].removeprefix("error: ")
        if words
        else f"exit code {trainer.exit_code()} and not a word"
    )
    return RunFailedError(
        f"the trainer did not start: {cause}; everything it said is in {trainer.paths.trainer_log}"
    )


def wait_for_end(trainer: Trainer) -> str:
    """Shows progress on stderr until the run is over. Returns its last state."""
    run = open_run(trainer.paths)
    told = 0
    with _progress() as progress:
        while True:
            ended = trainer.exit_code() is not None
            run.refresh()
            for event in run.events[told:]:
                if event.kind in TOLD:
                    progress.say(f"step {event.step}: {sentence(event)}")
            told = len(run.events)
            progress.show(run)
            if run.state() in OVER:
                return run.state()
            if ended:  # it did not live to say how it ended
                return "crashed"
            time.sleep(LOOK_EVERY)


class Progress(Protocol):
    """Where progress is shown: a bar in a terminal, lines elsewhere."""

    def show(self, run: Run) -> None: ...

    def say(self, text: str) -> None: ...


def summary_line(run: Run) -> str:
    """The state of a run in a few words: step, epoch, and the accuracies that are there."""
    head, manifest = run.head, run.manifest
    if head is None or manifest is None:
        return "starting"
    total = f"/{manifest.total_steps}" if manifest.total_steps else ""
    parts = [f"{run.state()}  step {head.step}{total}  epoch {head.epoch + 1}"]
    values = {name: last_value(run, name) for name in ("loss", "val_accuracy", "utilization_gap")}
    parts += [f"{name} {number(value)}" for name, value in values.items() if value is not None]
    return "  ".join(parts)


def last_value(run: Run, column: str) -> float | None:
    """The newest value of a column; None where nothing is recorded."""
    try:
        values = run.column(run.find_column(column)[0], column)
    except KeyError:
        return None
    return float(values[-1]) if len(values) else None


class _Lines:
    """A line now and then, for logs."""

    def __init__(self) -> None:
        self._shown_at = -PLAIN_EVERY
        self._shown = ""

    def show(self, run: Run) -> None:
        now = time.monotonic()
        line = summary_line(run)
        over = run.state() in OVER
        if line != self._shown and (over or now - self._shown_at >= PLAIN_EVERY):
            narrate(line)
            self._shown_at, self._shown = now, line

    def say(self, text: str) -> None:
        narrate(text)


@contextmanager
def _bar() -> Iterator[Progress]:
    """One line that is redrawn in place."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    live = Live(
        console=Console(stderr=True, markup=False, highlight=False, emoji=False),
        refresh_per_second=4,
    )

    class Bar:
        def show(self, run: Run) -> None:
            live.update(Text(_bar_line(run), no_wrap=True, overflow="ellipsis"))

        def say(self, text: str) -> None:
            live.console.print(Text(one_line(text)))

    with live:
        yield Bar()


def _bar_line(run: Run) -> str:
    share = _share(run)
    if share is None:
        return summary_line(run)
    full = round(share * 20)
    return f"{'█' * full}{'░' * (20 - full)} {share:4.0%}  {summary_line(run)}{_eta(run, share)}"


def _share(run: Run) -> float | None:
    if run.head is None or run.manifest is None or not run.manifest.total_steps:
        return None
    return min(run.head.step / run.manifest.total_steps, 1.0)


def _eta(run: Run, share: float) -> str:
    trained = last_value(run, "active_time") if run.rows("steps") else None
    if not trained or share <= 0 or share >= 1:
        return ""
    return f"  eta {duration(trained * (1 - share) / share)}"


@contextmanager
def _lines() -> Iterator[Progress]:
    yield _Lines()


def _progress() -> AbstractContextManager[Progress]:
    return _bar() if sys.stderr.isatty() else _lines()
