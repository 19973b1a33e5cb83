"""The image files of a clip's optical flow, paired by moment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from asgml.core.data.clips.clips import Source
from asgml.core.data.error_text import error_reason
from asgml.core.data.media.frame_choice import natural_order
from asgml.core.data.media.images import IMAGE_SUFFIXES
from asgml.core.data.media.media_file import MediaError

# Begin the names of images of optical flow, which some extractions put beside the frames.
FLOW_PREFIXES = ("flow_x", "flow_y")


def is_flow(name: str) -> bool:
    """Return True for the name of an image of optical flow."""
    return name.lower().startswith(FLOW_PREFIXES)


def find_pairs(source: Source) -> list[tuple[Path, Path]]:
    """Return the images of u and of v of each moment, in the order of time.

    Raise MediaError, which names the file, where one of a pair is missing.
    """
    if len(source.paths) < 2:
        path = source.paths[0] if source.paths else Path()
        raise MediaError(path, "empty", "has no flow; expected images of u and of v")
    (u, prefix_u), (v, prefix_v) = [
        (path.parent, flow_prefix(path.name)) for path in source.paths[:2]
    ]
    names_u, names_v = list_images(u, prefix_u), list_images(v, prefix_v)
    if missing := first_unpaired(names_u, names_v):
        direction, name = missing
        reason = "no such file, but the other direction of the same moment is there"
        raise MediaError((u, v)[direction] / name, "missing", reason)
    return [(u / name_u, v / name_v) for name_u, name_v in zip(names_u, names_v, strict=True)]


def list_images(folder: Path, prefix: str = "") -> list[str]:
    """Return the names of the images in a folder, in the order of time.

    They are those of one direction of flow by their prefix or, for "", those that are no flow.
    Raise MediaError where the folder cannot be listed.
    """
    try:
        names = os.listdir(folder)
    except OSError as error:
        kind = "missing" if not folder.exists() else "unreadable"
        reason = f"cannot be listed ({error_reason(error)})"
        raise MediaError(folder, kind, reason) from error
    images = (name for name in names if is_image(name) and flow_prefix(name) == prefix)
    return sorted(images, key=natural_order)


def is_image(name: str) -> bool:
    # macOS leaves a ._x.jpg beside each x.jpg on a foreign disk
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def flow_prefix(name: str) -> str:
    """Return flow_x or flow_y as the name of an image begins, "" where it gives no direction."""
    return name[: len(FLOW_PREFIXES[0])].lower() if is_flow(name) else ""


def first_unpaired(u: Sequence[str], v: Sequence[str]) -> tuple[int, str] | None:
    """Return direction (0 for u, 1 for v) and name of the first image that is missing."""
    prefixes = [
        {name[len(flow_prefix(name)) :]: flow_prefix(name) for name in names} for names in (u, v)
    ]
    if prefixes[0].keys() == prefixes[1].keys():
        return None
    moment = min(prefixes[0].keys() ^ prefixes[1].keys(), key=natural_order)
    direction = int(moment in prefixes[0])
    partner = prefixes[1 - direction][moment]
    return direction, expected_prefix(prefixes[direction].values(), partner, direction) + moment


def expected_prefix(known: Iterable[str], partner: str, direction: int) -> str:
    """Return the prefix of a direction: that of its images, else as its partner suggests."""
    return next(iter(known), FLOW_PREFIXES[direction] if partner else "")
