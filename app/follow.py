"""Follow a training from outside: until its trainer is up, and on to its end with progress."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from asgml.app.errors import RunFailedError, narrate
from asgml.app.launcher import Trainer
from asgml.app.lookup import open_run
from asgml.app.table_text import number
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.safe_text import one_line
from asgml.storage.format.status import ENDED
from asgml.storage.format.value_text import duration
from asgml.storage.read.event_text import event_texts

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

POLL_SECONDS = 0.25
REFUSAL = "error: "
"""The beginning of the last line of a worker that was asked for what cannot be."""
PLAIN_EVERY = 15.0
"""Seconds between progress lines where stderr is no terminal (a CI log)."""
SHOWN = ("alert", "command", "phase", "evaluation", "failed", "diverged")
"""Kinds of events that are worth a line beside the progress."""


def is_up(trainer: Trainer) -> bool:
    """Return True once this very trainer has published; a resumed run holds older marks too."""
    if not (trainer.paths.store / "zarr.json").is_file():
        return False
    run = open_run(trainer.paths)
    return run.head is not None and run.head.pid == trainer.pid and run.state() != "starting"


def wait_until_up(trainer: Trainer) -> None:
    """Return once the trainer is up. Raise RunFailedError with its last line if it dies before."""
    while not is_up(trainer):
        if trainer.exit_code() is not None and not is_up(trainer):
            raise start_failure(trainer)
        time.sleep(POLL_SECONDS)


def start_failure(trainer: Trainer) -> RunFailedError:
    """Print the last lines of trainer.log but one; return the error that names that one.

    A new run that the trainer has refused in one line is removed: nothing was trained, the line
    says all, and its name is free again. After any other end the folder stays, as evidence.
    """
    lines = trainer.last_log_lines()
    for line in lines[:-1]:
        narrate(f"  {line}")
    silent = f"exit code {trainer.exit_code()} and not a word"
    cause = lines[-1].removeprefix(REFUSAL) if lines else silent
    if trainer.new and lines and lines[-1].startswith(REFUSAL) and _removed(trainer.paths):
        return RunFailedError(f"the trainer refused to start: {cause}; nothing is left of the run")
    log = trainer.paths.trainer_log
    return RunFailedError(f"the trainer did not start: {cause}; everything it said is in {log}")


def _removed(paths: RunPaths) -> bool:
    """Remove a run that has no store. Return True where nothing is left of it."""
    if not paths.store.exists():
        shutil.rmtree(paths.root, ignore_errors=True)
    return not paths.root.exists()


def wait_for_end(trainer: Trainer) -> str:
    """Show progress on stderr until the run has ended. Return its last state."""
    run = open_run(trainer.paths)
    shown = 0
    with _progress() as progress:
        while True:
            ended = trainer.exit_code() is not None
            run.refresh()
            _show_events(run, shown, progress)
            shown = len(run.events)
            progress.show(run)
            if run.state() in ENDED:
                return run.state()
            if ended:  # the process is gone without a last mark
                return "crashed"
            time.sleep(POLL_SECONDS)


def _show_events(run: Run, first: int, progress: Progress) -> None:
    """Show the events from number `first` on that are worth a line beside the progress."""
    if first == len(run.events):
        return
    texts = event_texts(run.events)
    for event, text in zip(run.events[first:], texts[first:], strict=True):
        if event.kind in SHOWN:
            progress.say(f"step {event.step}: {text.line}")


class Progress(Protocol):
    """A place for progress: a bar in a terminal, lines elsewhere."""

    def show(self, run: Run) -> None: ...

    def say(self, text: str) -> None: ...


def summary_line(run: Run) -> str:
    """Return a run on one line: state, step, epoch, and the main metrics that are there."""
    head, manifest = run.head, run.manifest
    if head is None or manifest is None:
        return "starting"
    total = f"/{manifest.total_steps}" if manifest.total_steps else ""
    texts = [f"{run.state()}  step {head.step}{total}  epoch {head.epoch + 1}"]
    values = {name: last_value(run, name) for name in ("loss", "val_accuracy", "utilization_gap")}
    texts += [f"{name} {number(value)}" for name, value in values.items() if value is not None]
    return "  ".join(texts)


def last_value(run: Run, column: str) -> float | None:
    """Return the newest value of a column, None where nothing is recorded."""
    try:
        values = run.column(run.find_column(column)[0], column)
    except KeyError:
        return None
    return float(values[-1]) if len(values) else None


class _Lines:
    """Progress as a line every PLAIN_EVERY seconds, for logs."""

    def __init__(self) -> None:
        self._shown_at, self._shown = -PLAIN_EVERY, ""

    def show(self, run: Run) -> None:
        now = time.monotonic()
        line = summary_line(run)
        ended = run.state() in ENDED
        if line != self._shown and (ended or now - self._shown_at >= PLAIN_EVERY):
            narrate(line)
            self._shown_at, self._shown = now, line

    def say(self, text: str) -> None:
        narrate(text)


@contextmanager
def _bar() -> Iterator[Progress]:
    """Open progress as one line that is redrawn in place."""
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
        live.console.show_cursor(True)  # ctrl-z gives the terminal back as it is at that moment
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
