"""A run as it is published, live or ended; reading it never waits for its writer."""

from __future__ import annotations

import time
from pathlib import Path

from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunNotFoundError, RunPaths, is_run
from asgml.storage.read import liveness
from asgml.storage.read.published_run import PublishedRun
from asgml.storage.read.run_contents import RunContents
from asgml.storage.read.store_reader import StoreReader

__all__ = ["FormatError", "Run", "RunNotFoundError", "open_run"]


def open_run(path: str | Path) -> Run:
    """Open the run in a directory, live or ended, for reading.

    Raise RunNotFoundError where there is none, FormatError where it cannot be read.
    """
    return Run.open(Path(path))


class Run(PublishedRun):
    """One run. `refresh` brings it up to date; all else answers from what was read then.

    Rows and events are in the order of their publication. `manifest` and `head` are None until
    the trainer has opened the store.
    """

    def __init__(self, paths: RunPaths) -> None:
        """Make a run that has read nothing yet; `open` makes one that has."""
        super().__init__(RunContents(StoreReader(paths.store)))
        self.paths = paths
        self._state = ""

    @classmethod
    def open(cls, path: Path | RunPaths) -> Run:
        """Open the run in a directory.

        Raise RunNotFoundError where there is none, FormatError where it cannot be read.
        """
        paths = path if isinstance(path, RunPaths) else RunPaths(Path(path))
        if not is_run(paths.root):
            raise RunNotFoundError(
                f"no run in {paths.root}: there is neither run.toml nor {paths.store.name}"
            )
        run = cls(paths)
        run.refresh()
        return run

    def refresh(self) -> bool:
        """Read what is new. Return True if anything may have changed, the state included."""
        moved = self._contents.follow()
        state = self._conclusion(time.time_ns())
        if state is None:  # the trainer ended since the mark was read
            moved = self._contents.follow() or moved
            state = self.state()
        changed, self._state = moved or state != self._state, state
        return changed

    def state(self, now_ns: int | None = None) -> str:
        """Return the state, one of `status.STATES`, at a unix time in ns; default: now.

        A run that has ended since it was read is as it was read, until the next `refresh`.
        """
        before = self.head.state.label if self.head else "starting"
        return self._conclusion(time.time_ns() if now_ns is None else now_ns) or before

    def _conclusion(self, now_ns: int) -> str | None:
        """Return the state, None where more has to be read to tell it."""
        if self.head is None:
            return liveness.state_without_store(self.paths, now_ns)
        return liveness.state_of(self.head, self.host, now_ns, self.median_step_seconds, self.paths)

    def silent_for(self, now_ns: int) -> float:
        """Return the seconds since the trainer's last sign of life."""
        return liveness.silent_for(self.head, now_ns) if self.head else 0.0
