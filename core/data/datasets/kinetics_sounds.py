"""Kinetics-Sounds: clips of ten seconds from Kinetics whose action is heard as well as seen, 31 classes.

Arandjelović, Zisserman: Look, Listen and Learn, ICCV 2017. The lists are those of OGM-GE (Peng et al., CVPR 2022). Other papers
use the first selection of 34 classes; their numbers do not compare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asgml.core.data.base import DataError, Dataset
from asgml.core.data.clip_dataset import load_clips
from asgml.core.data.clips import ClipSet
from asgml.core.data.datasets.assemble import assemble
from asgml.core.data.datasets.audiovisual import AudioVisualOptions, check_root, root_of
from asgml.core.data.datasets.frame_options import check_list, check_path
from asgml.core.data.datasets.lists import (
    Entry,
    Row,
    check_name,
    find_list,
    read_rows,
    read_words,
    refuse_repeats,
    refuse_strange_labels,
)
from asgml.core.data.datasets.media_dirs import DefaultDirs
from asgml.core.data.options import read_options

PUBLISHED = {"train": 14799, "test": 2597}
CLASSES = tuple(str(number) for number in range(31))
USUAL = DefaultDirs(
    audio=("audio", "audios", "wav"),
    frames=("visual/Image-{fps:02d}-FPS", "Image-{fps:02d}-FPS", "visual", "frames"),
    video=("video", "videos", "Video"),
)
LISTS = ("lists", "data", "data/KineticSound", "KineticSound", "kinetics_sound")
ADVICE = "they are in data/KineticSound of the OGM-GE repository"
KINETICS = re.compile(
    r"(.{11})_0*([0-9]{1,6})(?:_[0-9]+)?"
)  # the video's name on YouTube, then the second that the clip begins at


@dataclass(frozen=True)
class KsOptions(AudioVisualOptions):
    """Options of Kinetics-Sounds beside those of every audio-visual data set.

    `train_list`, `test_list`: files with lines `id,10,class number`. `class_list`: a file with the name of each class, by number;
    the lists have numbers only, which are the names where no file is given.
    """

    train_list: str = "my_train.txt"
    test_list: str = "my_test.txt"
    class_list: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_list("train_list", self.train_list)
        check_list("test_list", self.test_list)
        check_path("class_list", self.class_list)


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """Kinetics-Sounds in the folder behind the colon of `spec`. Raises DataError."""
    chosen = read_options(KsOptions, options, spec)
    return load_clips(find_clips(root_of(spec, "/data/kinetics-sounds"), chosen, seed), chosen)


def find(root: Path, options: Mapping[str, Any], seed: int) -> ClipSet:
    """The clips of the lists, each with its files, nothing decoded. Raises DataError."""
    return find_clips(root, read_options(KsOptions, options, f"ks:{root}"), seed)


def find_clips(root: Path, options: KsOptions, seed: int) -> ClipSet:
    root = check_root(root, "ks")
    lists = {"train": options.train_list, "test": options.test_list}
    paths = {
        part: find_list(root, options.lists, name, LISTS, ADVICE) for part, name in lists.items()
    }
    parts = {part: [read_entry(row) for row in read_rows(path, 3)] for part, path in paths.items()}
    refuse_repeats(parts)
    refuse_strange_labels(parts, CLASSES)
    names = class_names(root, options)
    named = {
        part: [replace(entry, label=names[int(entry.label)]) for entry in entries]
        for part, entries in parts.items()
    }
    return assemble(
        ClipSet("ks", root, names, {}, {}, (), PUBLISHED, {}), named, options, USUAL, seed
    )


def read_entry(row: Row) -> Entry:
    """A line `id,10,class number`. The middle field is the length in seconds, the same for all."""
    name, _, label = row.fields
    names = file_names(check_name(name, row))
    return Entry(name, label, row, names, group=name[:11])


def file_names(name: str) -> tuple[str, ...]:
    """The name in the list, and that of the Kinetics downloaders, which train has and test has not: 000002_000012 for 2."""
    named = KINETICS.fullmatch(name)
    if named is None:
        return (name,)
    start = int(named[2])
    return (name, f"{named[1]}_{start:06d}_{start + 10:06d}")


def class_names(root: Path, options: KsOptions) -> tuple[str, ...]:
    if options.class_list is None:
        return CLASSES
    names = read_words(
        find_list(
            root,
            options.lists,
            options.class_list,
            LISTS,
            "expected one class a line, in the order of their numbers",
        )
    )
    if len(names) != len(CLASSES):
        raise DataError(
            f"class_list {options.class_list}: {len(names)} names; expected {len(CLASSES)}, one a line, in the order of their numbers"
        )
    return tuple(names)
