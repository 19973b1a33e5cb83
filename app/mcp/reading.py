"""The tools that read one run: its state, numbers, events, alerts, log and configuration."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from asgml.app.errors import NotFoundError, UserError
from asgml.app.keys import nearest_of
from asgml.app.mcp.answers import answer
from asgml.app.mcp.folder import Folder
from asgml.app.mcp.tools import READS, Tool
from asgml.storage.alerts.acknowledged import read_acknowledged
from asgml.storage.alerts.alert import alerts_of
from asgml.storage.format.knobs import knob_to_json
from asgml.storage.format.metrics import TABLES
from asgml.storage.read.event_text import event_texts
from asgml.storage.read.remedies import facts_of, remedy, sound_step
from asgml.storage.read.summary import event_record, summarize

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

MOST_COLUMNS = 8
LOG_BYTES = 256 * 1024
"""The end of trainer.log that is looked at."""
RunName = Annotated[str, Field(description="name of a run as list_runs gives it, or `latest`")]
Count = Annotated[int, Field(ge=1, le=500)]


class RunReading:
    """The tools that read one run of a folder."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def tools(self) -> list[Tool]:
        functions = (
            self.show_run,
            self.read_metrics,
            self.read_events,
            self.read_alerts,
            self.read_log,
            self.show_config,
        )
        return [(function, READS) for function in functions]

    def show_run(self, run: RunName = "latest") -> dict[str, Any]:
        """Sum one run up: state, what to do about it, step, knobs, last and best of every metric.

        States: starting, running, paused, stopping, finished, stopped, failed, diverged, crashed,
        stale.
        """
        opened = self._folder.open(run)
        facts = facts_of(opened.paths.name, opened.manifest, sound_step(opened.events))
        summary = summarize(opened)
        return answer(run=summary, remedy=remedy(summary["state"], facts))

    def read_metrics(
        self,
        run: RunName,
        columns: Annotated[
            list[str],
            Field(description="such as loss, probe_accuracy/audio", min_length=1, max_length=8),
        ],
        points: Count = 100,
        from_step: Annotated[int, Field(ge=0)] = 0,
        to_step: Annotated[int | None, Field(ge=0, description="default: the last")] = None,
    ) -> dict[str, Any]:
        """Read series of a run as (step, value), the lowest and the highest of each stretch.

        So a spike survives whatever `points` is; null is no finite number. Rows that a resume has
        trained again are left out.
        """
        opened = self._folder.open(run)
        series = {
            name: _series(opened, name, points, from_step, to_step)
            for name in dict.fromkeys(columns[:MOST_COLUMNS])
        }
        return answer(series=series)

    def read_events(
        self,
        run: RunName = "latest",
        kinds: Annotated[
            list[str] | None, Field(description="such as command, alert, evaluation; all")
        ] = None,
        last: Count = 50,
    ) -> dict[str, Any]:
        """Read the newest events of a run, oldest first: commands with their answers, evaluations,
        checkpoints, alerts, phases, starts and ends."""
        opened = self._folder.open(run)
        pairs = zip(opened.events, event_texts(opened.events), strict=True)
        chosen = [(event, text) for event, text in pairs if not kinds or event.kind in kinds]
        events = [{**event_record(event), "text": text.text} for event, text in chosen[-last:]]
        return answer(events=events, of=len(chosen))

    def read_alerts(self, run: RunName = "latest", last: Count = 50) -> dict[str, Any]:
        """Read the newest alerts of a run: rule, level, the step it speaks of, whether it was
        acknowledged."""
        opened = self._folder.open(run)
        seen = read_acknowledged(opened.paths)
        alerts = alerts_of(opened.events)
        records = [{**one.record(), "acknowledged": one.id in seen} for one in alerts[-last:]]
        return answer(alerts=records, of=len(alerts))

    def read_log(
        self,
        run: RunName = "latest",
        last: Count = 100,
        containing: Annotated[str, Field(max_length=200)] = "",
    ) -> dict[str, Any]:
        """Read the end of a run's trainer.log: what the trainer said, tracebacks included."""
        lines = _last_lines(self._folder.find(run).trainer_log)
        chosen = [line for line in lines if containing in line]
        return answer(log_lines=chosen[-last:], of=len(chosen))

    def show_config(self, run: RunName = "latest") -> dict[str, Any]:
        """Show the configuration a run was started with, and its knobs: what may be changed while
        it trains, in which range, with the values of now."""
        opened = self._folder.open(run)
        manifest = opened.manifest
        if manifest is None:
            raise NotFoundError(f"{opened.paths.name} is {opened.state()}: nothing is recorded yet")
        now = opened.knobs_at()
        knobs = [{**knob_to_json(knob), "now": now.get(knob.name)} for knob in manifest.knobs]
        return answer(config=manifest.config, knobs=knobs)


def _series(
    run: Run, name: str, points: int, first: int, last: int | None
) -> list[tuple[float, float]]:
    """Return (step, value) of a column between two steps. Raise UserError for no such column."""
    try:
        table, index = run.find_column(name)
    except KeyError:
        known = [column for table in TABLES for column in run.columns(table)]
        raise UserError(f"no column {name[:100]!r}; {nearest_of(name, known)}") from None
    rows = run.table(table)[run.current_rows(table)]
    steps, values = rows[:, run.columns(table).index("step")], rows[:, index]
    inside = (steps >= first) & (steps <= (np.inf if last is None else last))
    kept = extremes(values[inside], points)
    return list(zip(steps[inside][kept].tolist(), values[inside][kept].tolist(), strict=True))


def extremes(values: np.ndarray, points: int) -> list[int]:
    """Return at most `points` places: of each stretch the lowest and the highest, in order."""
    if len(values) <= points:
        return list(range(len(values)))
    kept: set[int] = set()
    for stretch in np.array_split(np.arange(len(values)), max(points // 2, 1)):
        known = stretch[np.isfinite(values[stretch])]
        ends = known if len(known) else stretch[:1]
        kept |= {int(ends[np.argmin(values[ends])]), int(ends[np.argmax(values[ends])])}
    return sorted(kept)[:points]


def _last_lines(path: os.PathLike[str]) -> list[str]:
    """Return the last lines of a plain file. Raise NotFoundError where there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotFoundError(f"{os.path.basename(path)}: {error.strerror}") from None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise NotFoundError(f"{os.path.basename(path)} is no plain file")
        begin = max(status.st_size - LOG_BYTES, 0)
        file.seek(begin)
        content = file.read(LOG_BYTES)
    lines = content.decode("utf-8", "replace").splitlines()
    return lines[1:] if begin and len(lines) > 1 else lines
