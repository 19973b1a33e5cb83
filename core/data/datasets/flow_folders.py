"""Finds the images of optical flow in the folders where people keep them: u and v apart, or side by side."""

from __future__ import annotations

from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.data.clips import Source
from asgml.core.data.datasets.layout import Place, Problem
from asgml.core.data.datasets.lists import Entry
from asgml.core.data.media.flow_files import FLOW_PREFIXES, first_unpaired, list_images
from asgml.core.data.media.media_file import MediaError

USUAL = (
    "tvl1_flow",
    "ucf101_tvl1_flow/tvl1_flow",
    "ucf101_tvl1_flow",
    "flow",
    "flows",
    "optical_flow",
)
APART = (("u", "v"), ("flow_x", "flow_y"), ("x", "y"))  # folders of the two directions
ADVICE = (
    "flow must be extracted beforehand (TV-L1, an image of u and one of v a frame); "
    "or train on rgb alone: --set 'data.options.modalities=[\"rgb\"]'"
)


class FlowFolders:
    """Two folders, of u and of v, with a folder of images a clip; or one, with flow_x_… and flow_y_… in each clip's folder.

    A clip's folder lies in them, or in a folder of its class. `clock` is where the clip's frames lie, which say the moments.
    """

    def __init__(self, u: Path, v: Path, clock: Place | None) -> None:
        self.folder = u
        self.v = v
        self.clock = clock

    def source(self, entry: Entry) -> Source | Problem:
        u, v = folder_of(self.folder, entry), folder_of(self.v, entry)
        if u is None or v is None:
            return Problem(
                (self.folder if u is None else self.v) / entry.names[0],
                "missing",
                "no such folder of flow",
            )
        try:
            found = self.names(u, v)
        except MediaError as error:
            return Problem(error.path, error.kind, error.reason)
        return found if isinstance(found, Problem) else Source((*found, *self.moments(entry)))

    def names(self, u: Path, v: Path) -> tuple[Path, Path] | Problem:
        """The first image of each direction. Whether the others have a partner is told by their names; none is opened."""
        names_u, names_v = (
            images_of(folder, kind, u == v)
            for folder, kind in zip((u, v), FLOW_PREFIXES, strict=True)
        )
        if lone := first_unpaired(names_u, names_v):
            path = (u, v)[lone[0]] / lone[1]
            return Problem(
                path, "missing", "no such file, but the other direction of the same moment is there"
            )
        if not names_u:
            return Problem(
                u,
                "empty",
                f"no image of flow in the folder; expected {FLOW_PREFIXES[0]}_00001.jpg, or frame000001.jpg in u and in v",
            )
        return u / names_u[0], v / names_v[0]

    def moments(self, entry: Entry) -> tuple[Path, ...]:
        """The video, or the first of the clip's frames."""
        frames = self.clock.source(entry) if self.clock else None
        return frames.paths[:1] if isinstance(frames, Source) else ()


def folder_of(folder: Path, entry: Entry) -> Path | None:
    """The folder of a clip's images. Looked for by its name, since listing millions of images takes a minute."""
    places = (folder / middle / name for name in entry.names for middle in ("", entry.label))
    return next((place for place in places if place.is_dir()), None)


def images_of(folder: Path, kind: str, together: bool) -> list[str]:
    """The images of one direction: in a folder of both those that say so, in one of its own all, also where they do not."""
    named = list_images(folder, kind)
    return named if named or together else list_images(folder)


def find_flow(root: Path, given: str | None, clock: Place | None) -> FlowFolders:
    """Where the flow lies: in the folder that was given, else in one of the usual ones, or in u/ and v/ of the root."""
    if given is not None and not (root / Path(given).expanduser()).is_dir():
        raise DataError(
            f"option flow_folder is {given!r}, but {root / given} is not a folder; {ADVICE}"
        )
    folders = (
        [root / Path(given).expanduser()] if given is not None else [root / name for name in USUAL]
    )
    for folder in folders if given is not None else [*folders, root]:
        for u, v in APART:
            if (folder / u).is_dir() and (folder / v).is_dir():
                return FlowFolders(folder / u, folder / v, clock)
    together = next((folder for folder in folders if folder.is_dir()), None)
    if together is None:
        raise DataError(
            f"{root}: no folder of optical flow; looked for {', '.join(USUAL)}, u and v; {ADVICE}"
        )
    return FlowFolders(together, together, clock)
