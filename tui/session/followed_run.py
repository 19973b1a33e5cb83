"""The run on screen and its clock: from what is new in the store to the scene of this moment."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from asgml.storage.format.events import Event
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ALIVE
from asgml.storage.read.clock import LiveClock, Moment, ReplayClock
from asgml.storage.read.remedies import GONE
from asgml.tui.scene.marks import marks, paused_at
from asgml.tui.scene.run_data import snapshot_tables
from asgml.tui.scene.scene import KnobState, Scene, Transport
from asgml.tui.scene.scene_builder import SeriesStore, build_run_data, build_scene
from asgml.tui.session.acknowledgements import Acknowledgements
from asgml.tui.session.outbox import Outbox
from asgml.tui.session.overlay_run import OverlayRun
from asgml.tui.session.state_alerts import StateAlerts
from asgml.tui.session.trainer_process import trainer_process
from asgml.tui.terminal.format import age

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

ClockKind = Literal["live", "replay"]

_LONG = 30_000
"""Rows from which the first scene is drawn without smoothing, to be on screen sooner."""


class FollowedRun:
    """One run. Keeps what its last scene was made of, so that an unchanged run costs nothing.

    `rows_every`: new rows of a live run alone make a new scene at most once in so many seconds;
    events, states and answers do so at once.
    """

    def __init__(self, run: Run, clock: LiveClock | ReplayClock, rows_every: float = 0.0) -> None:
        self.run = run
        self._rows_every = rows_every
        self._built_at = -math.inf
        self.clock = clock
        self._series = SeriesStore()
        self._drawn: tuple[Any, ...] = ()
        self._acknowledgements = Acknowledgements(run.paths)
        self._state_alerts = StateAlerts()

    def poll(
        self, before: Scene, outbox: Outbox, smoothing: float, overlay: OverlayRun | None
    ) -> Scene | None:
        """Read what is new. Return the scene of now, None where nobody would see a difference."""
        moment = self._moment()
        rows = self._rows(moment)
        events = self.run.events[: self.run.events_until(moment.wall_time)]
        # the raw curves first; the next poll smooths them
        if not self._drawn and sum(rows.values()) >= _LONG:
            smoothing = 0.0
        overlaid, unbegun = overlay and overlay.name, self.run.manifest is None
        content = (tuple(rows.values()), len(events), smoothing, overlaid, unbegun)
        same = content == self._drawn or self._can_wait(content, moment)
        scene = before if same else self._build(before, moment, rows, events, smoothing, overlay)
        scene = self._with_state(scene, moment, events, outbox)
        if same and _visible_state(scene) == _visible_state(before):
            return None
        if not same:
            self._drawn, self._built_at = content, time.monotonic()
        return scene

    def _can_wait(self, content: tuple[Any, ...], moment: Moment) -> bool:
        """Return True where nothing but rows has come, so soon that nobody would miss them."""
        only_rows = bool(self._drawn) and content[1:] == self._drawn[1:]
        soon = time.monotonic() - self._built_at < self._rows_every
        return only_rows and soon and moment.live and self.run.state() in ALIVE

    def to_mark(self, direction: int) -> None:
        """Move a replay to the nearest intervention or alert on one side.

        Of an intervention it shows one row more: there it is seen.
        """
        clock = self.clock
        if not isinstance(clock, ReplayClock):
            return
        events = self.run.events
        # a mark lies between two rows: it is drawn once the row after it is visible
        rows = {self.run.rows_until("steps", mark.wall_time) + 1 for mark in marks(events)}
        alerts = [event for event in events if event.kind == "alert"]
        rows |= {self.run.rows_until_step(alert.about) for alert in alerts}
        beyond = [
            row for row in sorted(rows) if (row > clock.row if direction > 0 else row < clock.row)
        ]
        if beyond:
            clock.pause()
            clock.seek_row(beyond[0] if direction > 0 else beyond[-1])

    def _moment(self) -> Moment:
        self.run.refresh()
        if isinstance(self.clock, ReplayClock):
            self.clock.tick(time.monotonic())
        return self.clock.moment(self.run)

    def _rows(self, moment: Moment) -> dict[str, int]:
        """Return the rows of each table that are visible at the moment."""
        return {
            table: moment.row if table == "steps" else self.run.rows_until(table, moment.wall_time)
            for table in TABLES
        }

    def _build(
        self,
        before: Scene,
        moment: Moment,
        rows: Mapping[str, int],
        events: list[Event],
        smoothing: float,
        overlay: OverlayRun | None,
    ) -> Scene:
        name, manifest = safe(self.run.paths.name), self.run.manifest
        if manifest is None:
            return Scene(name, "starting")
        tables = snapshot_tables(self.run, rows, moment.wall_time)
        data = build_run_data(manifest, tables, self._series, smoothing)
        scene = build_scene(name, before.state, manifest, data, events, self._series)
        return replace(scene, overlay=overlay.overlay(smoothing) if overlay is not None else None)

    def _with_state(
        self, scene: Scene, moment: Moment, events: list[Event], outbox: Outbox
    ) -> Scene:
        """Return the scene with all that may change without a new row."""
        outbox.note_answers(events)
        run, now = self.run, time.time_ns()
        state = self._state(moment, events, now)
        return replace(
            scene,
            state=state,
            trainer=trainer_process(run, state, now, moment.live),
            pending_requests=outbox.pending_requests,
            knobs=self._knobs(moment, events, outbox),
            problems=tuple(safe(problem) for problem in run.problems),
            transport=self._transport(moment),
            acknowledged=self._acknowledgements.ids(),
            state_alerts=self._state_alerts.of(run, state, events, moment.live),
        )

    def _knobs(self, moment: Moment, events: list[Event], outbox: Outbox) -> tuple[KnobState, ...]:
        manifest = self.run.manifest
        if manifest is None:
            return ()
        return outbox.knobs(manifest, self.run.knobs_at(wall_time=moment.wall_time), events)

    def _state(self, moment: Moment, events: list[Event], now: int) -> str:
        """Return the state at the moment: before the last row of a replay the trainer lived."""
        if not self.run.paths.root.is_dir():
            return GONE
        if moment.row >= self.run.rows("steps"):
            return self.run.state(now)
        return "paused" if paused_at(events) else "running"

    def _transport(self, moment: Moment) -> Transport | None:
        clock = self.clock
        if not isinstance(clock, ReplayClock):
            return None
        rows = self.run.rows("steps")
        steps = self.run.column("steps", "step") if rows else ()
        shown, last = (int(steps[row - 1]) if row else 0 for row in (moment.row, rows))
        return Transport(clock.playing, clock.speed, moment.row, rows, shown, last)


def _visible_state(scene: Scene) -> tuple[Any, ...]:
    """Return what the user would see change without a new row."""
    trainer = scene.trainer
    return (
        scene.state,
        scene.knobs,
        scene.pending_requests,
        scene.problems,
        scene.transport,
        scene.acknowledged,
        scene.state_alerts,
        trainer.pid,
        trainer.output,
        age(trainer.silent),
    )
