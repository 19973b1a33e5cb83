"""Makes clips of what the lists say and of what the folders hold."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from asgml.core.data.base import SPLITS
from asgml.core.data.clip_options import ClipOptions
from asgml.core.data.clips import Clip, ClipSet, Fault, Modality, Source
from asgml.core.data.datasets.audiovisual import AudioVisualOptions, build_modalities
from asgml.core.data.datasets.layout import Place, Problem
from asgml.core.data.datasets.lists import Components, Entry
from asgml.core.data.datasets.media_dirs import DefaultDirs, find_places
from asgml.core.data.validation_split import with_val


def assemble(
    found: ClipSet, parts: Components, options: AudioVisualOptions, usual: DefaultDirs, seed: int
) -> ClipSet:
    """`found`, which has no clips yet, with the clips of the lists: validation carved where the lists have none, files looked up."""
    split = divide(found, parts, options, seed)
    return with_files(
        split, parts, find_places(found.root, options, usual), build_modalities(options)
    )


def with_files(
    split: ClipSet,
    parts: Components,
    places: Mapping[str, Place],
    modalities: Mapping[str, Modality],
) -> ClipSet:
    """`split` with the files of its clips; those whose files are not there become faults."""
    numbers = {label: number for number, label in enumerate(split.classes)}
    entries = {entry.id: entry for part in parts.values() for entry in part}
    looked = {
        part: [look_up(entries[clip.id], numbers, places) for clip in clips]
        for part, clips in split.splits.items()
    }
    return replace(
        split,
        splits={
            part: tuple(clip for clip in clips if isinstance(clip, Clip))
            for part, clips in looked.items()
        },
        faults=tuple(
            clip for clips in looked.values() for clip in clips if isinstance(clip, Fault)
        ),
        modalities=modalities,
        info={**split.info, **shared_groups(split.splits)},
        apart={
            **split.apart,
            **{
                modality: os.path.relpath(place.folder, split.root)
                for modality, place in places.items()
            },
        },
    )


def divide(found: ClipSet, parts: Components, options: ClipOptions, seed: int) -> ClipSet:
    """`found` with the clips of each part, without files yet.

    Validation is carved before any file is looked for, so that a missing file does not move other clips, and with the classes
    in the order of their names, so that it has the same clips whatever their numbers are.
    """
    numbers = {label: number for number, label in enumerate(sorted(found.classes))}
    bare = {
        part: tuple(Clip(e.id, numbers[e.label], {}, e.group) for e in parts.get(part, ()))
        for part in SPLITS
    }
    told = {
        "listed": {part: len(clips) for part, clips in bare.items() if clips},
        "val": "from the lists",
    }
    return with_val(replace(found, splits=bare, info={**told, **found.info}), options, seed)


def look_up(entry: Entry, numbers: Mapping[str, int], places: Mapping[str, Place]) -> Clip | Fault:
    """The clip with its sources, or the one fault that stands for all that is wrong with its files."""
    looked = {modality: place.source(entry) for modality, place in places.items()}
    problems = [source for source in looked.values() if isinstance(source, Problem)]
    if problems:
        others = "".join(f"; and {problem.path}: {problem.reason}" for problem in problems[1:])
        return Fault(entry.id, problems[0].path, problems[0].kind, problems[0].reason + others)
    sources = {
        modality: source for modality, source in looked.items() if isinstance(source, Source)
    }
    return Clip(entry.id, numbers[entry.label], sources, entry.group)


def shared_groups(splits: Mapping[str, Sequence[Clip]]) -> dict[str, int]:
    """How many persons or videos train shares with test and with val: a result on them is not about strangers."""
    of = {part: {clip.group for clip in clips} - {""} for part, clips in splits.items()}
    if not any(of.values()):
        return {}
    return {
        "groups_shared": len(of["train"] & of["test"]),
        "groups_shared_val": len(of["train"] & of["val"]),
    }
