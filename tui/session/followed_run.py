"""The run on screen with the clock it is seen by: says what there is to draw of it now."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from asgml.storage.format.events import Event
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ENDED, ENDED_BADLY, UNHEARD
from asgml.storage.read.clock import LiveClock, Moment, ReplayClock
from asgml.tui.scene.marks import marks, paused_at
from asgml.tui.scene.run_data import snapshot_tables
from asgml.tui.scene.scene import Scene, TrainerProcess, Transport
from asgml.tui.scene.scene_builder import SeriesStore, build_run_data, build_scene
from asgml.tui.session.outbox import Outbox
from asgml.tui.session.run_list import OverlayRun
from asgml.tui.terminal.format import age

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

ClockKind = Literal["live", "replay"]
_LONG = 30_000
"""Rows from which the first picture is drawn without smoothing, to be there sooner."""


class FollowedRun:
    """One run. `look` reads what is new; the scene it returns is None where a person would see no difference."""

    def __init__(self, run: Run, clock: LiveClock | ReplayClock) -> None:
        self.run = run
        self.clock = clock
        self._series = SeriesStore()
        self._drawn: tuple[Any, ...] = ()

    def look(
        self, before: Scene, outbox: Outbox, smoothing: float, beneath: OverlayRun | None
    ) -> Scene | None:
        self.run.refresh()
        if isinstance(self.clock, ReplayClock):
            self.clock.tick(time.monotonic())
        moment = self.clock.moment(self.run)
        rows: dict[str, int] = {
            table: moment.row if table == "steps" else self.run.rows_until(table, moment.wall_time)
            for table in TABLES
        }
        events = self.run.events[: self.run.events_until(moment.wall_time)]
        weight = (
            smoothing if self._drawn or sum(rows.values()) < _LONG else 0.0
        )  # a long run: the raw curves first
        drawn = (
            tuple(rows.values()),
            len(events),
            weight,
            beneath and beneath.name,
            self.run.manifest is None,
        )
        scene = (
            before
            if drawn == self._drawn
            else self._picture(before, moment, rows, events, weight, beneath)
        )
        scene = self._with_state(scene, moment, events, outbox)
        if drawn == self._drawn and _seen(scene) == _seen(before):
            return None
        self._drawn = drawn
        return scene

    def to_mark(self, direction: int) -> None:
        """Moves a replay to the first row after the nearest intervention on that side: there it can be seen."""
        clock = self.clock
        if not isinstance(clock, ReplayClock):
            return
        rows = sorted(
            {self.run.rows_until("steps", mark.wall_time) + 1 for mark in marks(self.run.events)}
        )
        beyond = [row for row in rows if (row > clock.row if direction > 0 else row < clock.row)]
        if beyond:
            clock.pause()
            clock.seek_row(beyond[0] if direction > 0 else beyond[-1])

    def _picture(
        self,
        before: Scene,
        moment: Moment,
        rows: Mapping[str, int],
        events: list[Event],
        smoothing: float,
        beneath: OverlayRun | None,
    ) -> Scene:
        name = safe(self.run.paths.name)
        if self.run.manifest is None:
            return Scene(name, "starting")
        tables = snapshot_tables(self.run, rows, moment.wall_time)
        data = build_run_data(self.run.manifest, tables, self._series, smoothing)
        scene = build_scene(name, before.state, self.run.manifest, data, events, self._series)
        return replace(scene, overlay=beneath.overlay(smoothing) if beneath is not None else None)

    def _with_state(
        self, scene: Scene, moment: Moment, events: list[Event], outbox: Outbox
    ) -> Scene:
        """The scene with what may change without a new row: state, knobs, pending_requests, data age, the position of a replay."""
        outbox.note_answers(events)
        run, now = self.run, time.time_ns()
        state = (
            run.state(now)
            if moment.row >= run.rows("steps")
            else "paused"
            if paused_at(events)
            else "running"
        )
        return replace(
            scene,
            state=state,
            trainer=self._trainer(state, now, moment.live),
            pending_requests=outbox.pending_requests,
            knobs=outbox.knobs(run.manifest, run.knobs_at(wall_time=moment.wall_time), events)
            if run.manifest
            else (),
            problems=tuple(safe(problem) for problem in run.problems),
            transport=self._transport(moment),
        )

    def _trainer(self, state: str, now: int, live: bool) -> TrainerProcess:
        run, in_doubt = self.run, state in ENDED_BADLY | UNHEARD
        return TrainerProcess(
            pid=run.head.pid if run.head else 0,
            host=safe(run.host),
            same_host=_is_here(run.host),
            silent=run.silent_for(now) if live and state not in ENDED else 0.0,
            output=_tail(run.paths.trainer_log) if in_doubt else (),
        )

    def _transport(self, moment: Moment) -> Transport | None:
        clock = self.clock
        if not isinstance(clock, ReplayClock):
            return None
        return Transport(clock.playing, clock.speed, moment.row, self.run.rows("steps"))


def _is_here(host: str) -> bool:
    from asgml.storage.format.process import this_host

    return host in ("", this_host())


def _seen(scene: Scene) -> tuple[Any, ...]:
    """What of a scene a person would see change without a new row."""
    return (
        scene.state,
        scene.trainer.pid,
        scene.knobs,
        scene.pending_requests,
        scene.problems,
        scene.trainer.output,
        scene.transport,
        age(scene.trainer.silent),
    )


def _tail(path: Path, lines: int = 12, most: int = 8192) -> tuple[str, ...]:
    """The last lines of the trainer's own output."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - most, 0))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(safe(line) for line in text.splitlines() if line.strip())[-lines:]
