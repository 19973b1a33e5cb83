"""The session: one run, followed by the reading thread, which posts messages to the screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from textual.message import Message

from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ENDED
from asgml.storage.read.clock import ReplayClock
from asgml.storage.read.remedies import GONE
from asgml.tui.messages import Notification, SceneChanged, Severity
from asgml.tui.scene.scene import Scene
from asgml.tui.session.control_desk import ControlDesk
from asgml.tui.session.followed_run import ClockKind, FollowedRun
from asgml.tui.session.open_run import ReplayStart, open_run
from asgml.tui.session.outbox import Outbox
from asgml.tui.session.overlay_run import OverlayRun
from asgml.tui.session.reader_thread import ReaderThread
from asgml.tui.session.steering import Steering

Post = Callable[[Message], object]

_ROWS_POLLS = 2
_ROWS_SECONDS = 0.5
"""New rows alone are drawn at every second poll at most, and no more seldom than in this time."""
_QUIET = 4
"""An ended run is polled less often by this factor: nothing but a resume changes it."""


class Session(Steering):
    """One run, followed by one thread. Public methods may be called from any thread.

    `interval` is the time between two polls in seconds; `post` takes the messages for the screen.
    """

    def __init__(
        self,
        target: str | Path | None,
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
        self.scene = Scene("" if target is None else safe(Path(target).name), "opening")
        self._target = target
        self._post = post
        self._speed, self._at_step = speed, at_step
        self._interval = interval
        self._smoothing = smoothing
        self._thread = ReaderThread(self._poll, self._pause, self._report)
        self._outbox = Outbox(self._notify)
        self._desk = ControlDesk(self._notify)
        self.opened = False
        self._followed: FollowedRun | None = None
        self._overlay: OverlayRun | None = None

    # what screens call

    def start(self) -> None:
        """Follow the run that was given, if one was."""
        if self._target is not None and not self.opened:
            self.opened = True
            self._thread.start()

    def close(self) -> None:
        self._on_run(lambda followed: self._desk.release(followed.run.paths.control))
        self._thread.close()

    @property
    def path(self) -> Path | None:
        """The directory of the run on screen, None while it is not opened."""
        return self._followed.run.paths.root if self._followed is not None else None

    def replay(self, change: Callable[[ReplayClock], object]) -> None:
        """Move the replay: `change` is called with its clock in the reading thread."""

        def move(followed: FollowedRun) -> None:
            if isinstance(followed.clock, ReplayClock):
                change(followed.clock)

        self._on_run(move)

    def to_mark(self, direction: int) -> None:
        """Move a replay to the next intervention, or with -1 to the one before."""
        self._on_run(lambda followed: followed.to_mark(direction))

    def smooth(self, weight: float) -> None:
        """Smooth the curves with this weight from the next scene on."""

        def job() -> None:
            self._smoothing = weight

        self._thread.submit(job)

    def overlay(self, run: Path | None) -> None:
        """Lay another run under the charts, or with None take it away."""

        def job() -> None:
            self._overlay = None if run is None else OverlayRun(run)

        self._thread.submit(job)

    def open(self, target: str | Path) -> None:
        """Follow another run from now on."""

        def job() -> None:
            if self._followed is not None:
                self._desk.release(self._followed.run.paths.control)
            self._target, self._at_step = target, None
            self._outbox.clear()
            self._overlay = None
            self._followed = self._open()

        if self.opened:
            self._thread.submit(job)
        else:
            self._target = target
            self.start()

    def export(self, folder: Path) -> None:
        """Write the tables of the moment on screen as CSV."""
        self._thread.submit(lambda: self._export(folder))

    # the reading thread

    def _pause(self) -> float:
        quiet = self.clock_kind == "live" and self.scene.state in ENDED
        return self._interval * (_QUIET if quiet else 1)

    def _poll(self) -> None:
        """Read what is new and publish a scene if there is something to draw."""
        if self._followed is None:  # not opened yet, or it could not be read so far
            self._followed = self._open()
        scene = self._followed.poll(self.scene, self._outbox, self._smoothing, self._overlay)
        control = self._look_at_control(self._followed)
        if scene is not None or control != self.scene.control:
            self._publish(replace(scene or self.scene, control=control))

    def _open(self) -> FollowedRun:
        assert self._target is not None, "the thread begins with a run to follow"
        start = ReplayStart(self._speed, self._at_step) if self.clock_kind == "replay" else None
        rows_every = min(_ROWS_POLLS * self._interval, _ROWS_SECONDS)
        followed = open_run(self._target, self.runs, start, rows_every)
        last = followed.run.head.step if followed.run.head is not None else 0
        if start is not None and (start.at_step or 0) > last:
            self._notify(f"step {start.at_step} is beyond the end: at the last one, {last}")
        return followed

    def _on_run(self, action: Callable[[FollowedRun], object]) -> None:
        """Run an action on the run on screen, in the reading thread."""

        def job() -> None:
            if self._followed is not None:
                action(self._followed)

        self._thread.submit(job)

    def _export(self, folder: Path) -> None:
        from asgml.tui.scene.csv_export import write_csv

        files = write_csv(self.scene, folder)
        self._notify(f"wrote {len(files)} tables to {files[0].parent if files else folder}")

    def _publish(self, scene: Scene) -> None:
        self.scene = scene
        self._post(SceneChanged(scene))

    def _report(self, problem: str) -> None:
        state = self._state_of_unread()
        if self.scene.problems != (problem,) or self.scene.state != state:
            self._publish(replace(self.scene, state=state, problems=(problem,)))

    def _state_of_unread(self) -> str:
        """Return what is known of a run that could not be read: gone, or never read so far."""
        target = self._target
        path = target if isinstance(target, Path) else self.runs / str(target)
        if not path.exists():
            return GONE
        return "unreadable" if self.scene.state == "opening" else self.scene.state

    def _notify(self, text: str, severity: Severity = "information") -> None:
        self._post(Notification(safe(text), severity))
