"""Finds the files of clips in the folders where people keep them: sound files, videos, and folders of frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from asgml.core.data.base import DataError
from asgml.core.data.clips import Source
from asgml.core.data.datasets.find_dirs import Sized, walk
from asgml.core.data.datasets.lists import Entry
from asgml.core.data.media.flow_files import is_flow
from asgml.core.data.media.frame_choice import natural_order
from asgml.core.data.media.images import IMAGE_SUFFIXES
from asgml.core.data.media.media_file import LFS

AUDIO = (
    ".wav",
    ".flac",
    ".ogg",
    ".mp3",
    ".m4a",
)  # the first that is there counts: wav before its compressed copy
VIDEO = (".mp4", ".flv", ".avi", ".mkv", ".webm", ".mov", ".m4v")
POINTER = 1024  # bytes: a file that stands for one that Git LFS has not fetched has about 130
EVENT_ONLY = "-SE"  # ends the name of a folder whose frames were cut to the event, start to end, when they were extracted


@dataclass(frozen=True)
class Problem:
    """Why a clip has no source: what becomes a Fault."""

    path: Path
    kind: str
    reason: str


class Place(Protocol):
    """Where the sources of one modality lie."""

    folder: Path

    def source(self, entry: Entry) -> Source | Problem: ...


class Files:
    """A folder with one file a clip, also in subfolders."""

    def __init__(self, folder: Path, suffixes: tuple[str, ...]) -> None:
        self.folder = folder
        self.suffixes = suffixes

    def source(self, entry: Entry) -> Source | Problem:
        for name in entry.names:
            if name in self.known:
                return check_file(*self.known[name]) or Source(
                    (self.known[name][0],), entry.start, entry.seconds
                )
        return Problem(self.folder / (entry.names[0] + self.suffixes[0]), "missing", "no such file")

    @cached_property
    def known(self) -> dict[str, Sized]:
        """Name without suffix -> file and size."""
        found: dict[str, Sized] = {}
        for _, files in walk(self.folder, self.suffixes):
            for path, size in files:
                other = found.get(path.stem)
                if other is not None and other[0].suffix.lower() == path.suffix.lower():
                    raise DataError(
                        f"{path.name!r} is in {other[0].parent} and in {path.parent}; name one of the two in the options"
                    )
                if other is None or self.rank(path) < self.rank(other[0]):
                    found[path.stem] = (path, size)
        return found

    def rank(self, path: Path) -> int:
        return self.suffixes.index(path.suffix.lower())


class FrameFolders:
    """A folder with a folder of images a clip, also in subfolders. The images are in the order of the numbers in their names.

    `fps` of them are a second of the video, which finds those of a clip that is a part of it.
    """

    def __init__(self, folder: Path, fps: int) -> None:
        self.folder = folder
        self.fps = fps

    def source(self, entry: Entry) -> Source | Problem:
        for name in entry.names:
            if name in self.known:
                return self.choose(entry, *self.known[name])
        return Problem(self.folder / entry.names[0], "missing", "no such folder of frames")

    def choose(self, entry: Entry, folder: Path, images: Sequence[Sized]) -> Source | Problem:
        images = [image for image in images if not is_flow(image[0].name)]
        if not images:
            return Problem(
                folder, "empty", f"no image in the folder; expected {', '.join(IMAGE_SUFFIXES)}"
            )
        if entry.seconds is not None and not self.folder.name.endswith(EVENT_ONLY):
            first, last = (
                math.floor(entry.start * self.fps),
                math.ceil((entry.start + entry.seconds) * self.fps),
            )
            if first >= len(images):
                return Problem(
                    folder,
                    "short",
                    f"{len(images)} images, {self.fps} a second, but the clip begins at second {entry.start:g}",
                )
            images = images[first:last]
        empty = [path for path, size in images if not size]
        return (
            Problem(empty[0], "empty", "the file has 0 bytes")
            if empty
            else Source(tuple(path for path, _ in images))
        )

    @cached_property
    def known(self) -> dict[str, tuple[Path, list[Sized]]]:
        """Name of a folder -> the folder and its images in the order of time. Folders without an image are in it too."""
        found: dict[str, tuple[Path, list[Sized]]] = {}
        for folder, images in walk(self.folder, IMAGE_SUFFIXES):
            name = (
                folder.stem if folder.suffix.lower() in VIDEO else folder.name
            )  # some scripts keep the .mp4 in the folder's name
            other = found.get(name)
            if other is not None and other[1] and images:
                raise DataError(
                    f"frames of {name!r} are in {other[0]} and in {folder}; name one of them with the option frames_folder"
                )
            if other is None or images:
                found[name] = (
                    folder,
                    sorted(images, key=lambda image: natural_order(image[0].name)),
                )
        return found


def check_file(path: Path, size: int) -> Problem | None:
    """What can be told without decoding."""
    if not size:
        return Problem(path, "empty", "the file has 0 bytes")
    if size < POINTER and begins_with(path, LFS):
        return Problem(
            path,
            "missing",
            "a pointer of Git LFS stands here, not the file; run `git lfs pull` in its repository",
        )
    return None


def begins_with(path: Path, start: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(start)) == start
    except OSError:
        return False  # decoding will say why
