"""A data set of clips as DATA.md shows one: all that its loader file holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.clips import ClipSet
from asgml.core.data.datasets.assemble import assemble
from asgml.core.data.datasets.audiovisual import AudioVisualOptions
from asgml.core.data.datasets.lists import Entry, find_list, read_rows, refuse_repeats


@dataclass(frozen=True)
class ToyOptions(AudioVisualOptions):
    """Options of the toy set beside those of all audio-visual data sets."""

    list: str = "toy.csv"


def find_clips(root: Path, options: ToyOptions, seed: int) -> ClipSet:
    """Return the clips of the list, whose lines are `id,label,split`."""
    row = DATA_SETS["toy"]
    lines = read_rows(find_list(root, options.lists, options.list, row.dirs.lists), 3)
    entries = {
        split: [
            Entry(line.fields[0], line.fields[1], line, (line.fields[0],))
            for line in lines
            if line.fields[2] == split
        ]
        for split in ("train", "test")
    }
    refuse_repeats(entries)
    classes = tuple(sorted({entry.label for entry in entries["train"]}))
    bare = ClipSet("toy", root, classes, {}, {}, (), row.published, {})
    return assemble(bare, entries, options, row.dirs, seed)
