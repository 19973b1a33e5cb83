"""The session: owns the run, the clock and the one thread that reads. It knows no widget; it posts messages."""

from __future__ import annotations

import contextlib
import math
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from textual.message import Message

from storage.clock import LiveClock, Moment, ReplayClock
from storage.control import Request, RequestError, make_request, send
from storage.events import Event
from storage.knobs import Value
from storage.layout import RunNotFoundError, RunPaths, find_run, list_runs
from storage.manifest import FormatError
from storage.metrics import TABLES
from tui.format import age, safe
from tui.messages import RunLine, RunsListed, SceneChanged, Severity, Told
from tui.scene import ENDED, Overlay, Scene, Tracks, Transport, Wish, cut_tables, knob_states, picture_of, refusals, smoothed_columns
from tui.story import marks, paused_at

if TYPE_CHECKING:
    from storage.reader import Run

ClockKind = Literal["live", "replay"]
Post = Callable[[Message], object]
_RUNS_SHOWN = 40
_LONG = 30_000
"""Rows from which the first picture is drawn without smoothing, to be there sooner."""


class Session:
    """One run, followed by one thread. Methods without a leading underscore may be called from any thread."""

    def __init__(
        self,
        target: str | Path,
        runs: Path,
        post: Post,
        *,
        clock: ClockKind = "live",
        readonly: bool = False,
        speed: float = 1.0,
        at_step: int | None = None,
        interval: float = 0.25,
        smoothing: float = 0.9,
    ) -> None:
        self.runs = runs
        self.clock_kind = clock
        self.readonly = readonly
        self.scene = Scene(safe(Path(target).name), "opening")
        self._target = target
        self._post = post
        self._speed, self._at_step = speed, at_step
        self._interval = interval
        self._smoothing = smoothing
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="reader", daemon=True)
        self._run: Run | None = None
        self._clock: LiveClock | ReplayClock = LiveClock()
        self._tracks = Tracks()
        self._sent: dict[str, Request] = {}
        self._answered: set[str] = set()
        self._drawn: tuple[Any, ...] = ()
        self._other: tuple[str, Run, Tracks] | None = None
        self._listed: dict[Path, Run] = {}

    # what screens call

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._jobs.put(lambda: None)
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def refusal(self) -> str:
        """Why the training cannot be steered from here; "" where it can."""
        scene, name = self.scene, self.scene.name
        if self.clock_kind == "replay":
            return f"this is a replay; `asgml watch {name}` steers a living run"
        if self.readonly:
            return f"read-only: `asgml watch {name}` without --readonly steers the training"
        if scene.state in ENDED:
            return f"the training has {_past(scene.state)}; `asgml resume {name}` goes on from the last checkpoint"
        if scene.state == "stale":
            return f"no sign of the trainer on {scene.host}; if it is gone, `asgml resume {name}` goes on from the last checkpoint"
        if scene.manifest is None:
            return "the training is not up yet; try again when it runs"
        return ""

    def send(
        self, kind: str, *, knob: str | None = None, value: Value | None = None, note: str | None = None, how: str | None = None
    ) -> str:
        """Sends a request to the trainer. Returns why not, or ""."""
        if refusal := self.refusal():
            return refusal
        try:
            request = make_request(kind, knob=knob, value=value, note=note, how=how)
        except RequestError as error:
            return str(error)
        self._jobs.put(lambda: self._send(request))
        return ""

    def kill(self) -> str:
        """SIGKILL to the trainer, if it runs on this host and is still the same process. Returns why not, or ""."""
        if refusal := self.refusal():
            return refusal
        if not self.scene.same_host:
            return f"the trainer runs on {self.scene.host}: kill pid {self.scene.pid} there"
        self._jobs.put(self._kill)
        return ""

    def replay(self, change: Callable[[ReplayClock], object]) -> None:
        """Moves the replay: `change` is called with the clock in the reading thread."""

        def job() -> None:
            if isinstance(self._clock, ReplayClock):
                change(self._clock)

        self._jobs.put(job)

    def to_mark(self, direction: int) -> None:
        """Moves a replay to the next intervention, or to the one before."""

        def job() -> None:
            if self._run is not None and isinstance(self._clock, ReplayClock):
                _seek_mark(self._run, self._clock, direction)

        self._jobs.put(job)

    def smooth(self, weight: float) -> None:
        def job() -> None:
            self._smoothing = weight

        self._jobs.put(job)

    def list_runs(self) -> None:
        """Asks for the list of runs; it comes as a RunsListed."""
        self._jobs.put(self._list_runs)

    def overlay(self, name: str | None) -> None:
        """Lays another run under the charts, or takes it away."""
        self._jobs.put(lambda: self._lay_under(name))

    def switch(self, name: str) -> None:
        """Follows another run from now on."""
        self._jobs.put(lambda: self._switch(name))

    def export(self, folder: Path) -> None:
        """Writes the tables of the moment on screen as CSV."""
        self._jobs.put(lambda: self._export(folder))

    # the reading thread

    def _work(self) -> None:
        self._guarded(self._open)
        while not self._closed.is_set():
            self._guarded(self._look)
            self._wait()

    def _guarded(self, action: Callable[[], None]) -> None:
        """A run that cannot be read must not take the dashboard down: the person reads why, and the next look tries again."""
        try:
            action()
        except (OSError, FormatError, RunNotFoundError, RuntimeError, ValueError, KeyError) as error:
            self._tell_problem(f"{type(error).__name__}: {error}")

    def _tell_problem(self, text: str) -> None:
        problem = safe(text)
        if self.scene.problems != (problem,):
            self._publish(replace(self.scene, problems=(problem,)))

    def _wait(self) -> None:
        """Until the next look, or until there is something to do; then everything that waits is done at once."""
        quiet = self.clock_kind == "live" and self.scene.state in ENDED
        with contextlib.suppress(queue.Empty):
            self._guarded(self._jobs.get(timeout=self._interval * (4 if quiet else 1)))
            while True:
                self._guarded(self._jobs.get_nowait())

    def _open(self) -> None:
        from storage.reader import Run  # imports zarr, half a second: never before the first frame is painted

        path = self._target if isinstance(self._target, Path) else find_run(self._target, self.runs).root
        self._run = Run.open(RunPaths(Path(path)))
        self._run.refresh()
        self._tracks, self._drawn = Tracks(), ()
        self._clock = self._new_clock(self._run)

    def _new_clock(self, run: Run) -> LiveClock | ReplayClock:
        if self.clock_kind == "live":
            return LiveClock()
        clock = ReplayClock(run, speed=self._speed)
        if self._at_step is None:
            clock.play()
        else:
            clock.seek(self._at_step)
        return clock

    def _look(self) -> None:
        """Reads what is new and posts a scene if there is something to draw."""
        run = self._run
        if run is None:
            self._open()
            return
        run.refresh()
        if isinstance(self._clock, ReplayClock):
            self._clock.tick(time.monotonic())
        self._publish_if_new(run)

    def _publish_if_new(self, run: Run) -> None:
        moment = self._clock.moment(run)
        rows = _rows_at(run, moment)
        events = _events_at(run, moment)
        smoothing = self._smoothing if self._drawn or sum(rows.values()) < _LONG else 0.0  # a long run: the raw curves first
        drawn = (run.paths.root, tuple(rows.values()), len(events), smoothing, self._other and self._other[0], run.manifest is None)
        scene = self.scene
        if drawn != self._drawn:
            scene = self._picture(run, moment, rows, events, smoothing)
        scene = self._with_state(run, scene, moment, events)
        if drawn != self._drawn or _seen(scene) != _seen(self.scene):
            self._drawn = drawn
            self._publish(scene)

    def _publish(self, scene: Scene) -> None:
        self.scene = scene
        self._post(SceneChanged(scene))

    def _picture(self, run: Run, moment: Moment, rows: Mapping[str, int], events: list[Event], smoothing: float) -> Scene:
        if run.manifest is None:
            return Scene(safe(run.paths.name), "starting")
        picture = picture_of(run.manifest, cut_tables(run, rows, moment.wall_time), events, self._tracks, smoothing)
        return Scene(name=safe(run.paths.name), state=self.scene.state, overlay=self._overlay(), **picture)

    def _with_state(self, run: Run, scene: Scene, moment: Moment, events: list[Event]) -> Scene:
        """The scene with what may change without a new row: state, knobs, wishes, data age, the position of a replay."""
        self._note_answers(events)
        now = time.time_ns()
        state = run.state(now) if moment.row >= run.rows("steps") else "paused" if paused_at(events) else "running"
        head = run.head
        knobs = run.knobs_at(wall_time=moment.wall_time)
        wishes = tuple(Wish(request.id, request.kind, request.knob, request.value) for request in self._sent.values())
        manifest = run.manifest
        return replace(
            scene,
            state=state,
            pid=head.pid if head else 0,
            host=safe(run.host),
            same_host=_is_here(run.host),
            silent=run.silent_for(now) if moment.live and state not in ENDED else 0.0,
            wishes=wishes,
            knobs=knob_states(manifest, knobs, wishes, refusals(events, tuple(self._answered))) if manifest else (),
            problems=tuple(safe(problem) for problem in run.problems),
            trainer_log=_tail(run.paths.trainer_log) if state in {"starting", "failed", "crashed", "stale"} else (),
            transport=self._transport(run, moment),
        )

    def _transport(self, run: Run, moment: Moment) -> Transport | None:
        clock = self._clock
        if not isinstance(clock, ReplayClock):
            return None
        return Transport(clock.playing, clock.speed, moment.row, run.rows("steps"))

    def _note_answers(self, events: list[Event]) -> None:
        """Requests that have their answer are no wishes any more; one that was refused is told."""
        if not self._sent:
            return
        answers = {event.get("id"): event for event in events if event.kind == "command"}
        for id in [id for id in self._sent if id in answers]:
            request, answer = self._sent.pop(id), answers[id]
            self._answered.add(id)
            if answer.get("answer") != "applied":
                what = f"{request.kind} {request.knob or ''}".strip()
                self._tell(f"{what} {answer.get('answer')}: {answer.get('reason', '')}", "warning")

    def _send(self, request: Request) -> None:
        if self._run is None:
            return
        try:
            send(self._run.paths.commands, request)
        except OSError as error:
            self._tell(f"{request.kind} could not be sent: {error}", "error")
            return
        self._sent[request.id] = request

    def _kill(self) -> None:
        from storage.process import is_alive

        head = self._run.head if self._run else None
        if head is None or head.pid <= 1 or not is_alive(head.pid, head.process_start):
            self._tell("there is no such process any more", "warning")
            return
        os.kill(head.pid, signal.SIGKILL)
        self._tell(f"sent SIGKILL to pid {head.pid}", "warning")

    def _tell(self, text: str, severity: Severity = "information") -> None:
        self._post(Told(safe(text), severity))

    def _switch(self, name: str) -> None:
        self._target, self._at_step = name, None
        self._sent.clear()
        self._other = None
        self._open()

    def _lay_under(self, name: str | None) -> None:
        from storage.reader import Run

        if name is None:
            self._other = None
            return
        run = Run.open(find_run(name, self.runs))
        run.refresh()
        self._other = (safe(run.paths.name), run, Tracks())

    def _overlay(self) -> Overlay | None:
        if self._other is None or self._other[1].manifest is None:
            return None
        name, run, tracks = self._other
        assert run.manifest is not None
        cuts = cut_tables(run, {table: run.rows(table) for table in TABLES})
        starts = [float(cut.column("wall_time")[0]) for cut in cuts.values() if cut.rows]
        return Overlay(name, cuts, smoothed_columns(run.manifest, cuts, tracks, self._smoothing), min(starts, default=0.0))

    def _list_runs(self) -> None:
        lines = []
        for paths in list_runs(self.runs)[:_RUNS_SHOWN]:
            with contextlib.suppress(OSError, FormatError, RunNotFoundError, RuntimeError, ValueError):
                lines.append(self._run_line(paths))
        self._post(RunsListed(tuple(lines)))

    def _run_line(self, paths: RunPaths) -> RunLine:
        from storage.reader import Run

        run = self._listed.get(paths.root) or Run.open(paths)
        self._listed[paths.root] = run
        run.refresh()
        steps = run.table("steps") if run.manifest else None
        active = float(steps[-1, run.columns("steps").index("active_time")]) if steps is not None and len(steps) else 0.0
        total = run.manifest.total_steps if run.manifest else 0
        return RunLine(safe(paths.name), run.state(time.time_ns()), run.head.step if run.head else 0, total, _best(run), active)

    def _export(self, folder: Path) -> None:
        from tui.export import write_csv

        files = write_csv(self.scene, folder)
        self._tell(f"wrote {len(files)} tables to {files[0].parent if files else folder}")


def _best(run: Run) -> float:
    if run.manifest is None or "best_val_accuracy" not in run.columns("epochs") or run.rows("epochs") == 0:
        return math.nan
    return float(run.column("epochs", "best_val_accuracy")[-1])


def _past(state: str) -> str:
    return {"finished": "finished", "failed": "failed", "stopped": "been stopped", "crashed": "crashed"}[state]


def _rows_at(run: Run, moment: Moment) -> dict[str, int]:
    """How many rows of each table exist at the moment."""
    return {table: moment.row if table == "steps" else run.rows_until(table, moment.wall_time) for table in TABLES}


def _events_at(run: Run, moment: Moment) -> list[Event]:
    return run.events[: run.events_until(moment.wall_time)]


def _seek_mark(run: Run, clock: ReplayClock, direction: int) -> None:
    """To the first row after the nearest intervention on that side: there it can be seen."""
    rows = sorted({run.rows_until("steps", mark.wall_time) + 1 for mark in marks(run.events)})
    beyond = [row for row in rows if (row > clock.row if direction > 0 else row < clock.row)]
    if beyond:
        clock.pause()
        clock.seek_row(beyond[0] if direction > 0 else beyond[-1])


def _is_here(host: str) -> bool:
    from storage.process import this_host

    return host in ("", this_host())


def _seen(scene: Scene) -> tuple[Any, ...]:
    """What of a scene a person would see change without a new row."""
    return (scene.state, scene.pid, scene.knobs, scene.wishes, scene.problems, scene.trainer_log, scene.transport, age(scene.silent))


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
