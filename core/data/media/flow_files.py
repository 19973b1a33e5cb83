"""Finds the images of optical flow of a clip."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from asgml.core.data.clips import Source
from asgml.core.data.error_text import one_line
from asgml.core.data.media.frame_choice import natural_order
from asgml.core.data.media.images import IMAGE_SUFFIXES
from asgml.core.data.media.media_file import MediaError

FLOW_PREFIXES = (
    "flow_x",
    "flow_y",
)  # how the names of images of optical flow begin, which some extractions put beside the frames


def is_flow(name: str) -> bool:
    """Whether an image shows optical flow, by its name."""
    return name.lower().startswith(FLOW_PREFIXES)


def find_pairs(source: Source) -> list[tuple[Path, Path]]:
    """The images of u and of v in the order of time. Raises MediaError, which names one that is missing."""
    if len(source.paths) < 2:
        raise MediaError(
            source.paths[0] if source.paths else Path(),
            "empty",
            "has no flow; expected images of u and of v",
        )
    (u, kind_u), (v, kind_v) = [(path.parent, direction_of(path.name)) for path in source.paths[:2]]
    names_u, names_v = list_images(u, kind_u), list_images(v, kind_v)
    if lone := first_unpaired(names_u, names_v):
        raise MediaError(
            (u, v)[lone[0]] / lone[1],
            "missing",
            "no such file, but the other direction of the same moment is there",
        )
    return [(u / one, v / other) for one, other in zip(names_u, names_v, strict=True)]


def list_images(folder: Path, kind: str = "") -> list[str]:
    """The names of the images in a folder in the order of time: those of one direction of flow, or, for "", those of none."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise MediaError(
            folder,
            "missing" if not folder.exists() else "unreadable",
            f"cannot be listed ({one_line(error)})",
        ) from error
    return sorted(
        (name for name in names if is_image(name) and direction_of(name) == kind), key=natural_order
    )


def is_image(name: str) -> bool:
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def direction_of(name: str) -> str:
    """flow_x, flow_y, or "" for an image that says no direction."""
    return name[: len(FLOW_PREFIXES[0])].lower() if is_flow(name) else ""


def first_unpaired(u: Sequence[str], v: Sequence[str]) -> tuple[int, str] | None:
    """The first image that is missing: whether it is one of u (0) or of v (1), and its name."""
    moments = [
        {name[len(direction_of(name)) :]: direction_of(name) for name in names} for names in (u, v)
    ]
    if moments[0].keys() == moments[1].keys():
        return None
    first = min(moments[0].keys() ^ moments[1].keys(), key=natural_order)
    missing = int(first in moments[0])
    return missing, prefix_of(
        moments[missing].values(), moments[1 - missing][first], missing
    ) + first


def prefix_of(known: Iterable[str], of_partner: str, direction: int) -> str:
    """How the names of a direction begin: as the others of it do, or, where there are none, as those of its partner suggest."""
    return next(iter(known), FLOW_PREFIXES[direction] if of_partner else "")
