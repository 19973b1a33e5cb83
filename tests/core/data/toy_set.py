"""Toy: two classes of chirps, each with a picture, named by one list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.clips.clips import ClipSet
from asgml.core.data.datasets.assemble import assemble
from asgml.core.data.datasets.audiovisual import AudioVisualOptions
from asgml.core.data.datasets.lists import Entry, check_name, find_list, read_rows, refuse_repeats


@dataclass(frozen=True)
class ToyOptions(AudioVisualOptions):  # frames, spectrograms, folders, cache, workers
    list: str = "toy.csv"


def find_clips(root: Path, options: ToyOptions, seed: int) -> ClipSet:
    row = DATA_SETS["toy"]
    path = find_list(root, options.lists, options.list, row.dirs.lists)
    entries: dict[str, list[Entry]] = {"train": [], "test": []}
    for line in read_rows(path, 3):
        name, label, split = line.fields
        entries[split].append(Entry(check_name(name, line), label, line, names=(name,)))
    refuse_repeats(entries)
    classes = tuple(sorted({entry.label for entry in entries["train"]}))
    bare = ClipSet("toy", root, classes, {}, {}, published=row.published)
    return assemble(bare, entries, options, row.dirs, seed)
