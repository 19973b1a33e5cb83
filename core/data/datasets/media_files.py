"""Find the files of clips in one folder: sound files, videos, and folders of frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from asgml.core.data.base import DataError
from asgml.core.data.clips.clips import Source
from asgml.core.data.datasets.find_dirs import Sized, walk_dirs
from asgml.core.data.datasets.lists import Entry
from asgml.core.data.media.flow_files import is_flow
from asgml.core.data.media.frame_choice import natural_order
from asgml.core.data.media.images import IMAGE_SUFFIXES
from asgml.core.data.media.media_file import LFS

# The first suffix that is there counts: wav before its compressed copy.
AUDIO = (".wav", ".flac", ".ogg", ".mp3", ".m4a")
VIDEO = (".mp4", ".flv", ".avi", ".mkv", ".webm", ".mov", ".m4v")
# Bytes: a file that stands for one that Git LFS has not fetched has about 130.
POINTER = 1024
# Ends the name of a folder whose frames were cut to the event, start to end, when extracted.
EVENT_ONLY = "-SE"


@dataclass(frozen=True)
class Problem:
    """The reason why a clip has no source; it becomes a Fault."""

    path: Path
    kind: str
    reason: str


class MediaDir(Protocol):
    """A folder with the sources of one modality."""

    folder: Path

    def source(self, entry: Entry) -> Source | Problem: ...


class MediaFiles:
    """A folder with one file a clip, also in subfolders."""

    def __init__(self, folder: Path, suffixes: tuple[str, ...]) -> None:
        self.folder = folder
        self.suffixes = suffixes

    def source(self, entry: Entry) -> Source | Problem:
        """Return the first file of the clip's names, with the part of it that the clip is."""
        for name in entry.names:
            if name in self.files:
                path, size = self.files[name]
                return check_file(path, size) or Source((path,), entry.start, entry.seconds)
        return Problem(self.folder / (entry.names[0] + self.suffixes[0]), "missing", "no such file")

    @cached_property
    def files(self) -> dict[str, Sized]:
        """Name without suffix -> file and size."""
        found: dict[str, Sized] = {}
        for _, files in walk_dirs(self.folder, self.suffixes):
            for path, size in files:
                other = found.get(path.stem)
                if other is not None and other[0].suffix.lower() == path.suffix.lower():
                    raise DataError(
                        f"{path.name!r} is in {other[0].parent} and in {path.parent}; "
                        "name one of the two in the options"
                    )
                if other is None or self._rank(path) < self._rank(other[0]):
                    found[path.stem] = (path, size)
        return found

    def _rank(self, path: Path) -> int:
        return self.suffixes.index(path.suffix.lower())


class FrameFolders:
    """A folder with a folder of images a clip, also in subfolders.

    The images are in the order of the numbers in their names; `fps` of them are a second of the
    video, which finds those of a clip that is a part of it.
    """

    def __init__(self, folder: Path, fps: int) -> None:
        self.folder = folder
        self.fps = fps

    def source(self, entry: Entry) -> Source | Problem:
        """Return the images of the first folder of the clip's names."""
        for name in entry.names:
            if name in self.folders:
                return self.choose(entry, *self.folders[name])
        return Problem(self.folder / entry.names[0], "missing", "no such folder of frames")

    def choose(self, entry: Entry, folder: Path, images: Sequence[Sized]) -> Source | Problem:
        """Return the images of the seconds that the clip is."""
        images = [image for image in images if not is_flow(image[0].name)]
        if not images:
            expected = ", ".join(IMAGE_SUFFIXES)
            return Problem(folder, "empty", f"no image in the folder; expected {expected}")
        if entry.seconds is not None and not self.folder.name.endswith(EVENT_ONLY):
            first = math.floor(entry.start * self.fps)
            last = math.ceil((entry.start + entry.seconds) * self.fps)
            if first >= len(images):
                reason = (
                    f"{len(images)} images, {self.fps} a second, "
                    f"but the clip begins at second {entry.start:g}"
                )
                return Problem(folder, "short", reason)
            images = images[first:last]
        empty = [path for path, size in images if not size]
        if empty:
            return Problem(empty[0], "empty", "the file has 0 bytes")
        return Source(tuple(path for path, _ in images))

    @cached_property
    def folders(self) -> dict[str, tuple[Path, list[Sized]]]:
        """Name of a folder -> the folder and its images in the order of time.

        Folders without an image are in it too.
        """
        found: dict[str, tuple[Path, list[Sized]]] = {}
        for folder, images in walk_dirs(self.folder, IMAGE_SUFFIXES):
            # Some scripts keep the .mp4 in the folder's name.
            name = folder.stem if folder.suffix.lower() in VIDEO else folder.name
            other = found.get(name)
            if other is not None and other[1] and images:
                raise DataError(
                    f"frames of {name!r} are in {other[0]} and in {folder}; "
                    "name one of them with the option frames_folder"
                )
            if other is None or images:
                in_time = sorted(images, key=lambda image: natural_order(image[0].name))
                found[name] = (folder, in_time)
        return found


def check_file(path: Path, size: int) -> Problem | None:
    """Return what is wrong with a file as far as it shows without decoding."""
    if not size:
        return Problem(path, "empty", "the file has 0 bytes")
    if size < POINTER and begins_with(path, LFS):
        reason = (
            "a pointer of Git LFS stands here, not the file; run `git lfs pull` in its repository"
        )
        return Problem(path, "missing", reason)
    return None


def begins_with(path: Path, start: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(start)) == start
    except OSError:
        return False  # decoding will say why
