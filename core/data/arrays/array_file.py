"""Named arrays in an .npz file or a Zarr group, their headers known before any array is read."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from asgml.core.data.base import DataError

READ_AT_ONCE = 1 << 20  # bytes


@dataclass(frozen=True)
class Header:
    """The shape and type of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class ArrayFile(Protocol):
    """Named arrays on disk, in the order in which modalities will appear."""

    headers: dict[str, Header]

    def read(self, name: str) -> NDArray[Any]: ...


def open_arrays(path: Path) -> ArrayFile:
    """Open an .npz file, or a Zarr group where `path` is a folder. Nothing in them is executed."""
    return _ZarrFile(path) if path.is_dir() else _NpzFile(path)


class _NpzFile:
    """The arrays of an .npz file. numpy.load reads pickles only where asked to: never here."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                members = [name for name in archive.namelist() if name.endswith(".npy")]
                headers = {name: _npy_header(archive, name) for name in members}
        # No zip, a damaged one, a locked one, or a member that is no array.
        except Exception as error:
            advice = "write one with numpy.savez_compressed"
            raise DataError(f"not an .npz file ({error}); {advice}") from error
        self.headers = {name.removesuffix(".npy"): header for name, header in headers.items()}

    def read(self, name: str) -> NDArray[Any]:
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                return np.asarray(arrays[name])
        # A damaged member can fail in the zip, the inflater or the header.
        except Exception as error:
            advice = "write the file again"
            raise DataError(f"array {name!r} cannot be read ({error}); {advice}") from error


def _npy_header(archive: zipfile.ZipFile, name: str) -> Header:
    with archive.open(name) as member:
        if np.lib.format.read_magic(member) == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(member)
    return Header(shape, dtype)


class _ZarrFile:
    """The arrays at the top of a Zarr group, by name (a folder has no order of its own)."""

    def __init__(self, path: Path) -> None:
        import zarr

        try:
            members = dict(zarr.open_group(path, mode="r").members())
        # zarr raises its own, OSError, ValueError, KeyError or a JSON error.
        except Exception as error:
            advice = "give an .npz file or a Zarr group"
            raise DataError(f"this folder is no Zarr group ({error}); {advice}") from error
        groups = sorted(name for name, member in members.items() if isinstance(member, zarr.Group))
        if groups:
            advice = "put every array at the top of the Zarr group"
            raise DataError(f"{groups[0]!r} is a group; {advice}")
        self._arrays: dict[str, Any] = {name: members[name] for name in sorted(members)}
        self.headers = {
            name: Header(array.shape, np.dtype(array.dtype)) for name, array in self._arrays.items()
        }

    def read(self, name: str) -> NDArray[Any]:
        try:
            return np.asarray(self._arrays[name][...])
        except Exception as error:  # a damaged chunk fails in whichever codec meets it
            raise DataError(f"array {name!r} cannot be read ({error}); write it again") from error


def sha256(path: Path) -> str:
    """Return the digest of a file, or of all files of a folder with their names."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            if file != path:
                digest.update(file.relative_to(path).as_posix().encode() + b"\0")
            with file.open("rb") as stream:
                while block := stream.read(READ_AT_ONCE):
                    digest.update(block)
    return digest.hexdigest()
