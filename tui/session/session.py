"""The session: the one thread that reads and sends. It knows no widget; it posts messages."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from asgml.storage.commands.inbox import RequestError, make_request
from asgml.storage.format.knobs import Value
from asgml.storage.format.layout import RunNotFoundError, RunPaths, find_run
from asgml.storage.format.manifest import FormatError
from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ENDED
from asgml.storage.read.clock import LiveClock, ReplayClock
from asgml.tui.messages import Notification, RunsListed, SceneChanged, Severity
from asgml.tui.scene.scene import Scene
from asgml.tui.session.followed_run import ClockKind, FollowedRun
from asgml.tui.session.outbox import Outbox, refusal
from asgml.tui.session.run_list import OverlayRun, RunList

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

Post = Callable[[Message], object]


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
        self._outbox = Outbox(self._tell)
        self._list = RunList(runs)
        self._watched: FollowedRun | None = None
        self._beneath: OverlayRun | None = None

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
        return refusal(self.scene, self.clock_kind == "replay", self.readonly)

    def send(
        self,
        kind: str,
        *,
        knob: str | None = None,
        value: Value | None = None,
        note: str | None = None,
        how: str | None = None,
    ) -> str:
        """Sends a request to the trainer. Returns why not, or ""."""
        if reason := self.refusal():
            return reason
        try:
            request = make_request(kind, knob=knob, value=value, note=note, how=how)
        except RequestError as error:
            return str(error)
        self._on_run(lambda watched: self._outbox.send(watched.run.paths.commands, request))
        return ""

    def kill(self) -> str:
        """SIGKILL to the trainer, if it runs on this host and is still the same process. Returns why not, or ""."""
        if reason := self.refusal():
            return reason
        if not self.scene.trainer.same_host:
            return f"the trainer runs on {self.scene.trainer.host}: kill pid {self.scene.trainer.pid} there"
        self._on_run(lambda watched: self._outbox.kill(watched.run.head))
        return ""

    def replay(self, change: Callable[[ReplayClock], object]) -> None:
        """Moves the replay: `change` is called with the clock in the reading thread."""
        self._on_run(
            lambda watched: (
                change(watched.clock) if isinstance(watched.clock, ReplayClock) else None
            )
        )

    def to_mark(self, direction: int) -> None:
        """Moves a replay to the next intervention, or to the one before."""
        self._on_run(lambda watched: watched.to_mark(direction))

    def smooth(self, weight: float) -> None:
        def job() -> None:
            self._smoothing = weight

        self._jobs.put(job)

    def list_runs(self) -> None:
        """Asks for the list of runs; it comes as a RunsListed."""

        def job() -> None:
            self._post(RunsListed(self._list.lines()))

        self._jobs.put(job)

    def overlay(self, name: str | None) -> None:
        """Lays another run under the charts, or takes it away."""

        def job() -> None:
            self._beneath = None if name is None else OverlayRun(name, self.runs)

        self._jobs.put(job)

    def switch(self, name: str) -> None:
        """Follows another run from now on."""

        def job() -> None:
            self._target, self._at_step = name, None
            self._outbox.clear()
            self._beneath = None
            self._open()

        self._jobs.put(job)

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
        except (
            OSError,
            FormatError,
            RunNotFoundError,
            RuntimeError,
            ValueError,
            KeyError,
        ) as error:
            problem = safe(f"{type(error).__name__}: {error}")
            if self.scene.problems != (problem,):
                self._publish(replace(self.scene, problems=(problem,)))

    def _wait(self) -> None:
        """Until the next look, or until there is something to do; then everything that waits is done at once."""
        quiet = self.clock_kind == "live" and self.scene.state in ENDED
        with contextlib.suppress(queue.Empty):
            self._guarded(self._jobs.get(timeout=self._interval * (4 if quiet else 1)))
            while True:
                self._guarded(self._jobs.get_nowait())

    def _on_run(self, action: Callable[[FollowedRun], object]) -> None:
        """Does something with the run on screen, in the reading thread."""

        def job() -> None:
            if self._watched is not None:
                action(self._watched)

        self._jobs.put(job)

    def _open(self) -> None:
        from asgml.storage.read.reader import (
            Run,  # imports zarr, half a second: never before the first frame is painted
        )

        path = (
            self._target
            if isinstance(self._target, Path)
            else find_run(self._target, self.runs).root
        )
        run = Run.open(RunPaths(Path(path)))
        run.refresh()
        self._watched = FollowedRun(
            run, self._new_clock(run) if self.clock_kind == "replay" else LiveClock()
        )

    def _new_clock(self, run: Run) -> ReplayClock:
        clock = ReplayClock(run, speed=self._speed)
        if self._at_step is None:
            clock.play()
        else:
            clock.seek(self._at_step)
        return clock

    def _look(self) -> None:
        """Reads what is new and posts a scene if there is something to draw."""
        if self._watched is None:
            self._open()
        elif (
            scene := self._watched.look(self.scene, self._outbox, self._smoothing, self._beneath)
        ) is not None:
            self._publish(scene)

    def _publish(self, scene: Scene) -> None:
        self.scene = scene
        self._post(SceneChanged(scene))

    def _tell(self, text: str, severity: Severity = "information") -> None:
        self._post(Notification(safe(text), severity))

    def _export(self, folder: Path) -> None:
        from asgml.tui.scene.csv_export import write_csv

        files = write_csv(self.scene, folder)
        self._tell(f"wrote {len(files)} tables to {files[0].parent if files else folder}")
