"""Steering through the session: requests to the trainer, control of the run, reasons why not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from asgml.storage.commands.inbox import RequestError, make_request
from asgml.tui.scene.control import Control
from asgml.tui.scene.scene import Scene
from asgml.tui.session.control_desk import ControlDesk
from asgml.tui.session.followed_run import ClockKind, FollowedRun
from asgml.tui.session.outbox import Outbox
from asgml.tui.session.steering_refusal import control_refusal, steering_refusal


class Steering(ABC):
    """The part of a session that steers. Requests are sent by the reading thread alone."""

    scene: Scene
    clock_kind: ClockKind
    readonly: bool
    _outbox: Outbox
    _desk: ControlDesk

    @abstractmethod
    def _on_run(self, action: Callable[[FollowedRun], object]) -> None:
        """Run an action on the run on screen, in the reading thread."""

    def refusal(self) -> str:
        """Return why the training cannot be steered from here; "" where it can."""
        return self.look_only() or control_refusal(self.scene.control)

    def look_only(self) -> str:
        """Return why nobody can steer from here, whoever else does; "" where one could."""
        return steering_refusal(self.scene, self.clock_kind == "replay", self.readonly)

    def acknowledge(self, alert: str) -> str:
        """Record that the user has seen an alert. Return why not, or ""."""
        if self.readonly or self.clock_kind == "replay":
            return f"read-only: `asgml alerts {self.scene.name} --ack {alert}` acknowledges it"
        self._on_run(lambda followed: self._outbox.acknowledge(followed.run.paths, alert))
        return ""

    def control(self, take: bool) -> None:
        """Take control of the training over from whoever has it, or release it."""
        act = self._desk.take if take else self._desk.release
        self._on_run(lambda followed: act(followed.run.paths.control))

    def send(self, kind: str, **fields: Any) -> str:
        """Send a request to the trainer, with fields of `make_request`. Return why not, or ""."""
        if reason := self.refusal():
            return reason
        try:
            request = make_request(kind, **fields)
        except RequestError as error:
            return str(error)

        def send(followed: FollowedRun) -> None:
            self._desk.take(followed.run.paths.control)
            self._outbox.send(followed.run.paths.commands, request)

        self._on_run(send)
        return ""

    def kill(self) -> str:
        """Send SIGKILL to the trainer if it is the same process still. Return why not, or ""."""
        if reason := self.refusal():
            return reason
        trainer = self.scene.trainer
        if not trainer.same_host:
            return f"the trainer runs on {trainer.host}: kill pid {trainer.pid} there"
        self._on_run(lambda followed: self._outbox.kill(followed.run.head))
        return ""

    def _look_at_control(self, followed: FollowedRun) -> Control:
        """Return who steers; nobody does in a replay."""
        if self.clock_kind == "replay":
            return Control()
        return self._desk.look(followed.run.paths.control)
