"""Turn the entries of the lists into clips with the files that the folders hold."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from asgml.core.data.base import SPLITS
from asgml.core.data.catalogue import DataSet, DefaultDirs
from asgml.core.data.clips.clip_options import ClipOptions
from asgml.core.data.clips.clips import Clip, ClipSet, Fault, Modality, Source
from asgml.core.data.clips.validation_split import with_val
from asgml.core.data.datasets.audiovisual import AudioVisualOptions, build_modalities
from asgml.core.data.datasets.lists import EntriesBySplit, Entry
from asgml.core.data.datasets.media_dirs import find_media_dirs
from asgml.core.data.datasets.media_files import MediaDir, Problem


def assemble(
    bare: ClipSet,
    entries: EntriesBySplit,
    options: AudioVisualOptions,
    defaults: DefaultDirs,
    seed: int,
) -> ClipSet:
    """Return `bare`, which has no clips yet, with the clips of the lists and their files.

    Validation is carved from train where the lists have none.
    """
    split = make_splits(bare, entries, options, seed)
    dirs = find_media_dirs(bare.root, options, defaults)
    return add_files(split, entries, dirs, build_modalities(options))


def make_splits(bare: ClipSet, entries: EntriesBySplit, options: ClipOptions, seed: int) -> ClipSet:
    """Return `bare` with the clips of each split, without files yet.

    Validation is carved before any file is looked for, so that a missing file does not move other
    clips, and with the classes in the order of their names, so that it has the same clips whatever
    their numbers are.
    """
    # Numbers by name for the draw alone; add_files gives the clips the numbers of the classes.
    numbers = {label: number for number, label in enumerate(sorted(bare.classes))}
    clips = {
        split: tuple(Clip(e.id, numbers[e.label], {}, e.group) for e in entries.get(split, ()))
        for split in SPLITS
    }
    listed = {name: len(split) for name, split in clips.items() if split}
    info = {"listed": listed, "val": "from the lists", **bare.info}
    return with_val(replace(bare, splits=clips, info=info), options, seed)


def add_files(
    split: ClipSet,
    entries: EntriesBySplit,
    dirs: Mapping[str, MediaDir],
    modalities: Mapping[str, Modality],
) -> ClipSet:
    """Return `split` with the files of its clips; those whose files are not there become faults."""
    numbers = {label: number for number, label in enumerate(split.classes)}
    by_id = {entry.id: entry for listed in entries.values() for entry in listed}
    found = {
        name: [find_sources(by_id[clip.id], numbers, dirs) for clip in clips]
        for name, clips in split.splits.items()
    }
    kept = {
        name: tuple(clip for clip in clips if isinstance(clip, Clip))
        for name, clips in found.items()
    }
    faults = tuple(one for clips in found.values() for one in clips if isinstance(one, Fault))
    folders = {m: os.path.relpath(media.folder, split.root) for m, media in dirs.items()}
    return replace(
        split,
        splits=kept,
        faults=faults,
        modalities=modalities,
        info={**split.info, **shared_groups(split.splits)},
        source_choices={**split.source_choices, **folders},
    )


def find_sources(
    entry: Entry, numbers: Mapping[str, int], dirs: Mapping[str, MediaDir]
) -> Clip | Fault:
    """Return the clip with its sources, or one Fault for all that is wrong with its files."""
    found = {modality: media.source(entry) for modality, media in dirs.items()}
    problems = [source for source in found.values() if isinstance(source, Problem)]
    if problems:
        first = problems[0]
        others = "".join(f"; and {problem.path}: {problem.reason}" for problem in problems[1:])
        return Fault(entry.id, first.path, first.kind, first.reason + others)
    sources = {m: source for m, source in found.items() if isinstance(source, Source)}
    return Clip(entry.id, numbers[entry.label], sources, entry.group)


def shared_groups(splits: Mapping[str, Sequence[Clip]]) -> dict[str, int]:
    """Return how many persons or videos train shares with test and with val.

    With shared ones, a result does not say how the network does on strangers.
    """
    groups = {split: {clip.group for clip in clips} - {""} for split, clips in splits.items()}
    if not any(groups.values()):
        return {}
    return {
        "groups_shared": len(groups["train"] & groups["test"]),
        "groups_shared_val": len(groups["train"] & groups["val"]),
    }


def warn_of_classes(classes: Sequence[str], row: DataSet) -> list[str]:
    """Return a warning where the lists have another number of classes than the data set."""
    if len(classes) == row.classes:
        return []
    return [f"{len(classes)} classes; {row.title} has {row.classes}"]
