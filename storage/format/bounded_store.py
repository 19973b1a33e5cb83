"""A local Zarr store that refuses pipes, devices and huge files in place of chunks."""

from __future__ import annotations

from pathlib import Path

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore

from asgml.storage.format.bounded_file import MAX_CHUNK_BYTES, refuse_unbounded


class BoundedStore(LocalStore):
    """A store whose `get` raises FormatError where the file could block or fill the memory."""

    def __init__(self, root: Path, *, read_only: bool = True) -> None:
        super().__init__(root, read_only=read_only)

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return the content of a key, None for a missing one."""
        refuse_unbounded(self.root / key, MAX_CHUNK_BYTES)
        return await super().get(key, prototype, byte_range)

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return the content of a key, None for a missing one."""
        refuse_unbounded(self.root / key, MAX_CHUNK_BYTES)
        return super().get_sync(key, prototype=prototype, byte_range=byte_range)
