"""The progress of a plan on stderr: a picture that is redrawn in a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from asgml.app.errors import narrate
from asgml.app.plans.cell_status import OPEN, CellStatus, PlanProgress
from asgml.storage.format.value_text import duration
from asgml.storage.statistics.words import amount

REDRAWS_PER_SECOND = 4
LINE_EVERY = 60.0
Show = Callable[[PlanProgress], None]


@contextmanager
def progress_view() -> Iterator[Show]:
    """Yield the function that shows a plan's progress."""
    if sys.stderr.isatty():
        with _live() as show:
            yield show
    else:
        yield _Lines().show


@contextmanager
def _live() -> Iterator[Show]:
    from rich.console import Console
    from rich.live import Live

    from asgml.app.plans.live_table import plan_picture

    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with Live(
        console=console, refresh_per_second=REDRAWS_PER_SECOND, vertical_overflow="crop"
    ) as live:
        console.show_cursor(True)  # ctrl-z gives the terminal back as it is at that moment

        def show(progress: PlanProgress) -> None:
            live.update(plan_picture(progress, console.width, console.height))

        yield show


class _Lines:
    """A line for each run that settles, and one a minute while none does."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._began = False
        self._at = time.monotonic()

    def show(self, progress: PlanProgress) -> None:
        settled = {n: one for n, one in progress.statuses.items() if one.state not in OPEN}
        new = [one for name, one in settled.items() if name not in self._told]
        found = [one for one in new if one.adopted or one.state == "left out"]
        self._told |= settled.keys()
        if found:
            narrate(f"{progress.plan.title}: {len(found)} of {len(progress.statuses)} are there")
        for one in new:
            if one not in found:
                narrate(f"[{len(settled)}/{len(progress.statuses)}] {_line(one, progress)}")
                self._at = time.monotonic()
        if time.monotonic() - self._at >= LINE_EVERY:
            self._at = time.monotonic()
            narrate(f"[{len(settled)}/{len(progress.statuses)}] {_left(progress)}")


def _line(status: CellStatus, progress: PlanProgress) -> str:
    name = status.run or status.cell.run
    if status.state != "finished":
        return f"{name} {status.state}: {status.problem}"
    value = amount(status.value, progress.plan.metric)
    return f"{name} finished, {value} ({duration(status.seconds)}); {_left(progress)}"


def _left(progress: PlanProgress) -> str:
    return f"{duration(progress.seconds_left())} left"
