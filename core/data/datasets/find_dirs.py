"""List the files in a folder and in the folders below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from asgml.core.data.base import DataError

# visual/train_img/Image-01-FPS/<class>/<clip> is the deepest in public code; this also ends a
# circle of links.
DEPTH = 4
CACHES = "asgml-cache"  # thousands of files beside the data, none of them a clip's

Sized = tuple[Path, int]  # a file and its bytes


def walk_dirs(
    folder: Path, suffixes: tuple[str, ...], depth: int = DEPTH
) -> Iterator[tuple[Path, list[Sized]]]:
    """Yield `folder` and every folder below it, by name, with its files that end in a suffix.

    Suffixes are lower case. Links are followed; names that begin with a dot, such as .git or the
    ._x.jpg of a Mac, are passed over, and so is the folder of prepared caches. Raise DataError
    where a folder cannot be listed.
    """
    files, folders = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith(".") or entry.name == CACHES:
                    continue
                if entry.name.lower().endswith(suffixes) and entry.is_file():
                    files.append((Path(entry.path), entry.stat().st_size))
                elif depth and entry.is_dir():
                    folders.append(entry.path)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{folder}: cannot be listed ({reason}); make it readable") from error
    yield folder, files
    for below in folders:
        yield from walk_dirs(Path(below), suffixes, depth - 1)


def first_dir(root: Path, names: tuple[str, ...]) -> Path | None:
    """Return the first of these that is a folder in `root`."""
    return next((root / name for name in names if (root / name).is_dir()), None)
