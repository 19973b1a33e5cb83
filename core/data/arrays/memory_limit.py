"""The limit for data that is read into memory at once."""

from __future__ import annotations

from asgml.core.data.base import DataError

# Bytes of float32. More needs reading batch by batch, as for data sets of clips.
MEMORY_LIMIT = 8 * 2**30


def check_memory(size: int, advice: str, prefix: str = "") -> None:
    """Raise DataError where `size` bytes of float32 are over the limit."""
    if size > MEMORY_LIMIT:
        limit = f"at most {MEMORY_LIMIT / 2**30:g} fit"
        raise DataError(f"{prefix}{size / 2**30:.1f} GiB as float32, {limit}; {advice}")
