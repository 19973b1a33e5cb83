"""The Blosc compression of chunks, called in the C library that numcodecs carries.

Importing numcodecs takes longer than reading a run, and zarr takes longer still; the functions of
the library are the same. Source: c-blosc 1.x, blosc.h; its header is 16 bytes, README_HEADER.rst.
"""

from __future__ import annotations

import ctypes
import glob
import importlib.machinery
import importlib.util
import os
import struct
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
HEADER_BYTES = 16
SHUFFLES = {"noshuffle": 0, "shuffle": 1}
_ONE_THREAD = 1
_AUTOMATIC_BLOCKS = 0


def decompress_into(target: Array, content: memoryview) -> None:
    """Decompress into a contiguous array of exactly the size that was compressed.

    Raise ValueError for anything else: nothing is allocated by what the content says of itself.
    """
    size, length = _sizes(content)
    if size != target.nbytes:
        raise ValueError(f"it holds {size} bytes, expected {target.nbytes}")
    if length != len(content):
        raise ValueError(f"it says {length} bytes of itself, the file holds {len(content)}")
    source = np.frombuffer(content, np.uint8)
    library = _library()
    if library is None:
        _decompress_by_numcodecs(target, source)
        return
    valid = library.blosc_cbuffer_validate(
        source.ctypes.data, len(source), ctypes.byref(ctypes.c_size_t())
    )
    done = -1
    if valid == 0:
        done = library.blosc_decompress_ctx(
            source.ctypes.data, target.ctypes.data, target.nbytes, _ONE_THREAD
        )
    if done != target.nbytes:
        raise ValueError("it cannot be decompressed")


def compress(entries: Array, *, typesize: int, level: int, shuffle: str) -> bytes:
    """Return the bytes of a contiguous array, compressed by zstd in Blosc.

    `shuffle`: one of `SHUFFLES`. Raise ValueError where the library refuses.
    """
    library = _library()
    if library is None:
        return _compress_by_numcodecs(entries, typesize, level, shuffle)
    target = np.empty(entries.nbytes + HEADER_BYTES, np.uint8)
    done = library.blosc_compress_ctx(
        level, SHUFFLES[shuffle], typesize, entries.nbytes,
        entries.ctypes.data, target.ctypes.data, target.nbytes,
        b"zstd", _AUTOMATIC_BLOCKS, _ONE_THREAD,
    )  # fmt: skip
    if done <= 0:
        raise ValueError(f"{entries.nbytes} bytes cannot be compressed")
    return target[:done].tobytes()


def _sizes(content: memoryview) -> tuple[int, int]:
    """Return the bytes before and after compression, by the header. Raise ValueError for none."""
    if len(content) < HEADER_BYTES:
        raise ValueError(f"{len(content)} bytes are no Blosc chunk")
    _, size, _, length = struct.unpack("<4I", content[:HEADER_BYTES])
    return size, length


@cache
def _library() -> Any:
    """Return the C library with its functions declared, None where it cannot be called."""
    try:
        library = ctypes.CDLL(_extension_path())
        return _declared(library)
    except (OSError, AttributeError, ImportError):  # another build of numcodecs hides them
        return None


def _extension_path() -> str:
    """Return the path of numcodecs' extension, found without importing numcodecs."""
    found = importlib.util.find_spec("numcodecs")
    if found is None or not found.origin:
        raise ImportError("numcodecs is not installed")
    folder = glob.escape(os.path.dirname(found.origin))
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        for path in glob.glob(f"{folder}/blosc{suffix}"):
            return path
    raise ImportError("numcodecs has no extension named blosc")


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    library.blosc_cbuffer_validate.argtypes = (pointer, size, ctypes.POINTER(size))
    library.blosc_decompress_ctx.argtypes = (pointer, pointer, size, number)
    library.blosc_compress_ctx.argtypes = (
        number, number, size, size, pointer, pointer, size, ctypes.c_char_p, size, number,
    )  # fmt: skip
    return library


def _decompress_by_numcodecs(target: Array, source: Array) -> None:
    from numcodecs import blosc  # type: ignore[import-untyped]

    try:
        blosc.decompress(source, target)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"it cannot be decompressed ({error})") from None


def _compress_by_numcodecs(entries: Array, typesize: int, level: int, shuffle: str) -> bytes:
    from numcodecs import blosc

    content = entries.reshape(-1).view(np.uint8).view(f"V{typesize}")
    return bytes(blosc.compress(content, b"zstd", level, SHUFFLES[shuffle]))
