"""The head of a store, read again and again: 256 bytes, parsed only where they have changed."""

from __future__ import annotations

from pathlib import Path

from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.head_file import HEAD_BYTES, head_bytes
from asgml.storage.format.status import HEAD_KEY, Head, head_from_slots

_NEVER_WRITTEN = b"\xff" * HEAD_BYTES


class HeadReader:
    """The head of one store.

    The bytes are compared, for neither the time nor the number of a file tells two heads of the
    same moment apart.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._root = str(store.parent)
        self._content = b""
        self._head: Head | None = None

    def read(self) -> Head | None:
        """Return the head as it is now, None where there is none yet.

        Raise FormatError for a state that only a newer version knows, and for anything but a file;
        OSError where it cannot be read.
        """
        content = head_bytes(self._root)
        if content != self._content or len(content) != HEAD_BYTES:
            content = self._whole()
            self._head = self._parsed(content)
            self._content = content
        return self._head

    def _whole(self) -> bytes:
        """Return the content of the file, b"" for none. Raise FormatError, OSError."""
        try:
            return read_bounded(self._store / HEAD_KEY)
        except (FileNotFoundError, NotADirectoryError):
            return b""

    def _parsed(self, content: bytes) -> Head | None:
        if len(content) != HEAD_BYTES or content == _NEVER_WRITTEN:
            return None
        try:
            return head_from_slots(memoryview(content).cast("q").tolist())
        except ValueError as error:
            raise FormatError(f"the head of {self._store.name} cannot be read: {error}") from None
