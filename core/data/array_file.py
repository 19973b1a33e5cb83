"""Opens an .npz file or a Zarr group as named arrays; what each holds is known before any of it is read."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from asgml.core.data.base import DataError

READ_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Header:
    """What an array is, before it is read. `dtype` is a numpy name or Zarr's own, such as `string`."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class ArrayFile(Protocol):
    """Named arrays on disk, in the order in which modalities will appear."""

    headers: dict[str, Header]

    def read(self, name: str) -> NDArray[Any]: ...


def open_arrays(path: Path) -> ArrayFile:
    """The arrays of an .npz file, or of a Zarr group where `path` is a folder. Nothing in them is ever executed."""
    return _ZarrFile(path) if path.is_dir() else _NpzFile(path)


class _NpzFile:
    """numpy.load reads the pickles of object arrays only when asked to; here it never is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                members = [name for name in archive.namelist() if name.endswith(".npy")]
                self.headers = {
                    name[: -len(".npy")]: _npy_header(archive, name) for name in members
                }
        except (
            Exception
        ) as error:  # no zip, a damaged one, a locked one, or a member that is no array
            raise DataError(
                f"not an .npz file ({error}); write one with numpy.savez_compressed"
            ) from error

    def read(self, name: str) -> NDArray[Any]:
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                return np.asarray(arrays[name])
        except (
            Exception
        ) as error:  # a damaged member can fail in the zip, the inflater or the header
            raise DataError(
                f"array {name!r} cannot be read ({error}); write the file again"
            ) from error


def _npy_header(archive: zipfile.ZipFile, name: str) -> Header:
    with archive.open(name) as member:
        version = np.lib.format.read_magic(member)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(member)
    return Header(shape, dtype)


class _ZarrFile:
    """The arrays at the top of a Zarr group, by name (a folder has no order of its own)."""

    def __init__(self, path: Path) -> None:
        import zarr

        try:
            members = dict(zarr.open_group(path, mode="r").members())
        except (
            Exception
        ) as error:  # zarr raises its own, OSError, ValueError, KeyError or a JSON error
            raise DataError(
                f"this folder is no Zarr group ({error}); give an .npz file or a Zarr group"
            ) from error
        groups = sorted(name for name, member in members.items() if isinstance(member, zarr.Group))
        if groups:
            raise DataError(
                f"{groups[0]!r} is a group; put every array at the top of the Zarr group"
            )
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
    """The digest of a file, or of all files of a folder with their names: another digest, other data."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            if file != path:
                digest.update(file.relative_to(path).as_posix().encode() + b"\0")
            with file.open("rb") as stream:
                while part := stream.read(READ_AT_ONCE):
                    digest.update(part)
    return digest.hexdigest()
