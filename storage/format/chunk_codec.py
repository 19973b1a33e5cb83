"""The codecs of a chunk as FORMAT.md lays them down: Blosc, then a checksum; no others."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from asgml.storage.format.blosc import SHUFFLES, compress, decompress_into

Array = npt.NDArray[Any]
_CHECKSUM_BYTES = 4


@dataclass(frozen=True)
class Compression:
    """The settings of zstd in Blosc that a chunk is compressed with."""

    typesize: int
    level: int
    shuffle: str


@dataclass(frozen=True)
class ChunkCodec:
    """The way from the entries of a chunk to the bytes of its file, and back.

    `compressed`: the bytes pass through Blosc; `compression`: how to compress, None where only
    zarr can. `checksum`: CRC-32C of what is before it are the last 4 bytes.
    """

    compressed: bool = False
    compression: Compression | None = None
    checksum: bool = False

    @property
    def can_encode(self) -> bool:
        return not self.compressed or self.compression is not None

    def decode_into(self, target: Array, content: bytes) -> None:
        """Fill a contiguous array with the entries of a chunk.

        Raise ValueError where the content is damaged, or is of another size.
        """
        rest = _checked(content) if self.checksum else memoryview(content)
        if self.compressed:
            decompress_into(target, rest)
        elif len(rest) == target.nbytes:
            target.reshape(-1).view(np.uint8)[:] = np.frombuffer(rest, np.uint8)
        else:
            raise ValueError(f"it holds {len(rest)} bytes, expected {target.nbytes}")

    def encode(self, entries: Array) -> bytes:
        """Return the content of the file of a contiguous chunk; only where `can_encode`."""
        if self.compression is not None:
            how = self.compression
            content = compress(entries, typesize=how.typesize, level=how.level, shuffle=how.shuffle)
        else:
            content = entries.tobytes()
        return content + _checksum(content) if self.checksum else content


def codec_from_json(codecs: object) -> ChunkCodec | None:
    """Return the codec of an array's `codecs`, None where they are others than the format's."""
    if sys.byteorder != "little" or not isinstance(codecs, list):
        return None
    names = [codec.get("name") if isinstance(codec, dict) else None for codec in codecs]
    settings = [_configuration(codec) for codec in codecs]
    if not names or names[0] != "bytes" or settings[0] not in ({}, {"endian": "little"}):
        return None
    if "crc32c" in names and _crc32c() is None:
        return None
    if names[1:] == ["crc32c"]:
        return ChunkCodec(checksum=True)
    if names[1:] in (["blosc"], ["blosc", "crc32c"]):
        return ChunkCodec(True, _compression(settings[1]), names[-1] == "crc32c")
    return ChunkCodec() if len(names) == 1 else None


def _configuration(codec: object) -> dict[str, Any]:
    found = codec.get("configuration", {}) if isinstance(codec, dict) else {}
    return found if isinstance(found, dict) else {"": found}


def _compression(settings: dict[str, Any]) -> Compression | None:
    """Return how to compress; None for another compressor, other blocks, or what is unknown."""
    given = {"cname": "zstd", "blocksize": 0, **settings}
    typesize, level, shuffle = (given.pop(key, None) for key in ("typesize", "clevel", "shuffle"))
    if given != {"cname": "zstd", "blocksize": 0} or shuffle not in SHUFFLES:
        return None
    if type(typesize) is not int or not 1 <= typesize <= 255:
        return None
    if type(level) is not int or not 0 <= level <= 9:
        return None
    return Compression(typesize, level, shuffle)


def _checked(content: bytes) -> memoryview:
    """Return the content without its checksum. Raise ValueError where it does not fit."""
    inner = memoryview(content)[:-_CHECKSUM_BYTES]
    if len(content) < _CHECKSUM_BYTES or _checksum(inner) != content[-_CHECKSUM_BYTES:]:
        raise ValueError("its checksum does not fit")
    return inner


def _checksum(content: bytes | memoryview) -> bytes:
    crc32c = _crc32c()
    assert crc32c is not None, "no codec is made that cannot be used"
    return struct.pack("<I", crc32c(np.frombuffer(content, np.uint8)))


@cache
def _crc32c() -> Callable[[Any], int] | None:
    """Return the function of the library that comes with zarr, None with an older zarr."""
    try:
        from google_crc32c import value
    except ImportError:
        return None
    return cast("Callable[[Any], int]", value)
