"""Find the images of optical flow where people keep them: u and v apart, or together."""

from __future__ import annotations

from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.data.catalogue import Dirs
from asgml.core.data.clips.clips import Source
from asgml.core.data.datasets.find_dirs import first_dir
from asgml.core.data.datasets.lists import Entry
from asgml.core.data.datasets.media_files import MediaDir, Problem
from asgml.core.data.media.flow_files import FLOW_PREFIXES, first_unpaired, list_images
from asgml.core.data.media.media_file import MediaError
from asgml.storage.format.user_path import expand_user

# Folders of the two directions.
DIRECTIONS = (("u", "v"), ("flow_x", "flow_y"), ("x", "y"))


class FlowFolders:
    """Two folders, of u and of v, with a folder of images a clip; or one, with both in each.

    Both in one folder are told apart by their names, flow_x_… and flow_y_…. A clip's folder lies in
    them, or in a folder of its class. `frames` is where the clip's frames lie, which give the
    moments.
    """

    def __init__(self, u: Path, v: Path, frames: MediaDir | None) -> None:
        self.folder = u
        self.v = v
        self.frames = frames

    def source(self, entry: Entry) -> Source | Problem:
        """Return the first image of u, that of v, and the video or the first of the frames."""
        u, v = clip_dir(self.folder, entry), clip_dir(self.v, entry)
        if u is None or v is None:
            missing = self.folder if u is None else self.v
            return Problem(missing / entry.names[0], "missing", "no such folder of flow")
        try:
            images = first_images(u, v)
        except MediaError as error:
            return Problem(error.path, error.kind, error.reason)
        return images if isinstance(images, Problem) else Source((*images, *self._moments(entry)))

    def _moments(self, entry: Entry) -> tuple[Path, ...]:
        frames = self.frames.source(entry) if self.frames else None
        return frames.paths[:1] if isinstance(frames, Source) else ()


def first_images(u: Path, v: Path) -> tuple[Path, Path] | Problem:
    """Return the first image of each direction.

    Every image must have its partner, of which the names are proof enough: none is opened.
    """
    names_u, names_v = (
        image_names(folder, kind, u == v)
        for folder, kind in zip((u, v), FLOW_PREFIXES, strict=True)
    )
    if lone := first_unpaired(names_u, names_v):
        reason = "no such file, but the other direction of the same moment is there"
        return Problem((u, v)[lone[0]] / lone[1], "missing", reason)
    if not names_u:
        reason = (
            f"no image of flow in the folder; expected {FLOW_PREFIXES[0]}_00001.jpg, "
            "or frame000001.jpg in u and in v"
        )
        return Problem(u, "empty", reason)
    return u / names_u[0], v / names_v[0]


def clip_dir(folder: Path, entry: Entry) -> Path | None:
    """Return the folder of a clip's images, looked up by name.

    Listing millions of images would take a minute.
    """
    candidates = (folder / middle / name for name in entry.names for middle in ("", entry.label))
    return next((path for path in candidates if path.is_dir()), None)


def image_names(folder: Path, kind: str, together: bool) -> list[str]:
    """Return the images of one direction: those named so, else all of a folder of one direction."""
    named = list_images(folder, kind)
    return named if named or together else list_images(folder)


def find_flow(
    root: Path, given: str | None, defaults: Dirs, frames: MediaDir | None
) -> FlowFolders:
    """Return where the flow lies: the given folder, else a default one, else u/ and v/ of the root.

    Raise DataError where there is none.
    """
    if given is not None and not (root / expand_user(given, DataError)).is_dir():
        raise DataError(
            f"option flow_folder is {given!r}, but {root / given} is not a folder; "
            f"{defaults.advice}"
        )
    names = (str(expand_user(given, DataError)),) if given is not None else defaults.names
    for name in names if given is not None else (*names, "."):
        for u, v in DIRECTIONS:
            if (root / name / u).is_dir() and (root / name / v).is_dir():
                return FlowFolders(root / name / u, root / name / v, frames)
    together = first_dir(root, names)
    if together is None:
        raise DataError(
            f"{root}: no folder of optical flow; looked for {', '.join(names)}, u and v; "
            f"{defaults.advice}"
        )
    return FlowFolders(together, together, frames)
