"""A run that is recorded nowhere and takes no commands: the Balancer's, or a fork's way there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asgml.core.config.live_settings import LiveSettings
from asgml.core.run.commands import CommandHandler
from asgml.core.run.recorded_run import RecordedRun
from asgml.core.run.recorder import Recorder
from asgml.core.run.stopwatch import Stopwatch
from asgml.core.types import Scalar
from asgml.storage.commands.inbox import BadRequest, Inbox, Request
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import Table
from asgml.storage.format.status import State

NOWHERE = Path(os.devnull)  # no folder can be made there, should anything try to write


class UnrecordedRun(RecordedRun):
    """A step count and knob values without a store; best models may have a run directory."""

    def __init__(
        self, manifest: Manifest, live_settings: LiveSettings, paths: RunPaths | None = None
    ) -> None:
        super().__init__(paths or RunPaths(NOWHERE), manifest, live_settings)
        self.recorder = NullRecorder(manifest, Stopwatch())
        self.command_handler = CommandHandler(NullInbox(NOWHERE), live_settings, self.recorder)

    def open(self) -> None:
        """Do nothing: there is no store."""


class NullRecorder(Recorder):
    """A recorder that drops what it is given."""

    def record(self, table: Table, values: Mapping[str, Scalar]) -> None:
        """Drop the row."""

    def event(self, kind: str, **fields: Any) -> None:
        """Drop the event."""

    def set_state(self, state: State) -> None:
        """Do nothing: nobody reads the state."""

    def emit_last_alerts(self) -> None:
        """Do nothing: there are no rows."""

    def publish(self) -> None:
        """Do nothing: there is no store."""

    def published_bytes(self) -> int:
        return 0

    def close(self, end: State) -> None:
        """Do nothing: there is no store."""


class NullInbox(Inbox):
    """An inbox that is always empty."""

    def poll(self) -> list[Request | BadRequest]:
        return []
