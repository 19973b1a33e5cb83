"""Kinetics-Sounds: clips of ten seconds whose action is heard as well as seen, in 31 classes.

Arandjelović, Zisserman: Look, Listen and Learn, ICCV 2017. The lists are those of OGM-GE (Peng et
al., CVPR 2022). Other papers use the first selection of 34 classes; their numbers do not compare.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.clips.clips import ClipSet
from asgml.core.data.datasets.assemble import assemble
from asgml.core.data.datasets.audiovisual import AudioVisualOptions
from asgml.core.data.datasets.frame_options import check_list, check_path
from asgml.core.data.datasets.lists import (
    Entry,
    Row,
    check_name,
    find_list,
    read_class_names,
    read_rows,
    refuse_repeats,
    refuse_strange_labels,
)

ROW = DATA_SETS["ks"]
NUMBERS = tuple(str(number) for number in range(ROW.classes))
# The video's name on YouTube, 11 characters, then the second that the clip begins at.
KINETICS = re.compile(r"(.{11})_0*([0-9]{1,6})(?:_[0-9]+)?")


@dataclass(frozen=True)
class KsOptions(AudioVisualOptions):
    """Options of Kinetics-Sounds beside those of all audio-visual data sets, as catalogued."""

    train_list: str = "my_train.txt"
    test_list: str = "my_test.txt"
    class_list: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_list("train_list", self.train_list)
        check_list("test_list", self.test_list)
        check_path("class_list", self.class_list)


def find_clips(root: Path, options: KsOptions, seed: int) -> ClipSet:
    """Return the clips of the lists, each with its files, nothing decoded. Raise DataError."""
    lists = {"train": options.train_list, "test": options.test_list}
    paths = {
        split: find_list(root, options.lists, name, ROW.dirs.lists) for split, name in lists.items()
    }
    numbered = {
        split: [read_entry(row) for row in read_rows(path, 3)] for split, path in paths.items()
    }
    refuse_repeats(numbered)
    refuse_strange_labels(numbered, NUMBERS)
    names = class_names(root, options)
    entries = {
        split: [replace(entry, label=names[int(entry.label)]) for entry in listed]
        for split, listed in numbered.items()
    }
    bare = ClipSet("ks", root, names, {}, {}, published=ROW.published)
    return assemble(bare, entries, options, ROW.dirs, seed)


def read_entry(row: Row) -> Entry:
    """Return the entry of a line `id,10,class number`; 10 is the length in seconds of all clips."""
    name, _, label = row.fields
    names = file_names(check_name(name, row))
    return Entry(name, label, row, names, group=name[:11])


def file_names(name: str) -> tuple[str, ...]:
    """Return the name in the list, and that of the Kinetics downloaders: 000002_000012 for 2.

    The published list of train has the second form, that of test has not.
    """
    named = KINETICS.fullmatch(name)
    if named is None:
        return (name,)
    start = int(named[2])
    return (name, f"{named[1]}_{start:06d}_{start + 10:06d}")


def class_names(root: Path, options: KsOptions) -> tuple[str, ...]:
    """Return the names of the file, by class number; without one the numbers themselves."""
    if options.class_list is None:
        return NUMBERS
    advice = "expected one class a line, in the order of their numbers"
    path = find_list(
        root, options.lists, options.class_list, replace(ROW.dirs.lists, advice=advice)
    )
    names = read_class_names(path)
    if len(names) != len(NUMBERS):
        raise DataError(
            f"class_list {options.class_list}: {len(names)} names; "
            f"expected {len(NUMBERS)}, one a line, in the order of their numbers"
        )
    return tuple(names)
