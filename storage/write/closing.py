"""Closing at the end of a `with` block: the run is finished, failed or stopped as it ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from asgml.storage.format.status import State


class StoreWriteError(OSError):
    """The store could not be written when the run was opened or closed. The message is one line."""


class ClosedByWith(ABC):
    """A context manager that closes a run, and keeps the error that ended the block."""

    @abstractmethod
    def close(self) -> None:
        """End after a block without an error."""

    @abstractmethod
    def _close_after(self, error: BaseException, end: State) -> None:
        """End in this state after a block that raised `error`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        # KeyboardInterrupt and SystemExit are no failures: somebody ended the program
        end = State.FAILED if isinstance(error, Exception) else State.STOPPED
        try:
            self._close_after(error, end)
        except StoreWriteError as problem:
            # the block's own error is the one to report; this one goes with it
            error.add_note(str(problem))
