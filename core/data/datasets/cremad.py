"""CREMA-D: 91 actors say one of 12 sentences in one of 6 emotions; or other clips kept so.

Cao, Cooper, Keutmann, Gur, Nenkova, Verma: CREMA-D, IEEE Transactions on Affective Computing 2014.
The published lists and the extraction of the frames are those of OGM-GE (Peng et al., CVPR 2022),
data/CREMAD and data/VGGSound/video_preprocessing.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asgml.core.data.base import SPLITS, DataError
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.clips.clips import ClipSet
from asgml.core.data.datasets.assemble import assemble
from asgml.core.data.datasets.audiovisual import AudioVisualOptions
from asgml.core.data.datasets.folds import split_groups
from asgml.core.data.datasets.frame_options import check_list, check_path
from asgml.core.data.datasets.lists import (
    EntriesBySplit,
    Entry,
    Row,
    check_name,
    find_list,
    read_class_names,
    read_rows,
    refuse_repeats,
    refuse_strange_labels,
)
from asgml.core.data.options import check_choice, check_whole

ROW = DATA_SETS["cremad"]
ORDERS = {
    # OGM-GE, PMR, ARL, InfoReg …
    "ogm": ("NEU", "HAP", "SAD", "FEA", "DIS", "ANG"),
    # MMPareto, Diagnosing & Re-learning
    "alphabetical": ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD"),
}
# Diagnosing & Re-learning takes its validation from train too, and states 5954/745/744: one more
# than there are.
PUBLISHED_VAL = 744
# actor, sentence, emotion, level
CLIP = re.compile(r"([0-9]{4})_[A-Z]{3}_([A-Z]{3})_(LO|MD|HI|XX)")
# Until October 2022 one file of AudioWAV lacked a letter of its name; most copies are from before.
OLD_NAMES = {"1040_ITH_SAD_XX": "1040_ITH_SAD_X"}


@dataclass(frozen=True)
class CremadOptions(AudioVisualOptions):
    """Options of CREMA-D beside those of all audio-visual data sets, as catalogued."""

    seconds: float = 3
    frames: int = 1
    choice: str = "first"
    # Half of the 480x360 of its video, and a bit.
    frame_size: list[int] = field(default_factory=lambda: [240, 320])
    train_list: str = "train.csv"
    test_list: str = "test.csv"
    val_list: str | None = None
    class_list: str | None = None
    class_order: str = "ogm"
    split: str = "published"
    folds: int = 3
    fold: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_list("train_list", self.train_list)
        check_list("test_list", self.test_list)
        check_path("val_list", self.val_list)
        check_path("class_list", self.class_list)
        check_choice("class_order", self.class_order, tuple(ORDERS))
        check_choice("split", self.split, ("published", "actors"))
        check_whole("folds", self.folds, 2, 100)
        check_whole("fold", self.fold, 0, self.folds - 1)


def find_clips(root: Path, options: CremadOptions, seed: int) -> ClipSet:
    """Return the clips of the lists, each with its files, nothing decoded. Raise DataError."""
    entries = read_lists(root, options)
    # One name of CREMA-D in train makes all of them CREMA-D's; another name is then an error.
    original = any(CLIP.fullmatch(entry.id) for entry in entries["train"])
    if original:
        entries = {
            split: [check_clip(entry) for entry in listed] for split, listed in entries.items()
        }
    classes = choose_classes(root, entries["train"], options, original)
    refuse_strange_labels(entries, classes)
    published = ROW.published if original and options.split == "published" else {}
    info: dict[str, Any] = {"split": "published" if original else "as in the lists"}
    if options.split == "actors":
        entries, info = split_by_actor(entries, options, seed)
    # The whole published list is split as papers state; a part of it gives a tenth for validation.
    elif original and not options.val and len(entries["train"]) == ROW.published["train"]:
        options = replace(options, val=PUBLISHED_VAL)
    bare = ClipSet("cremad", root, classes, {}, {}, published=published, info=info)
    return assemble(bare, entries, options, ROW.dirs, seed)


def read_lists(root: Path, options: CremadOptions) -> dict[str, list[Entry]]:
    """Return the entries of each split that has a list."""
    names = {"train": options.train_list, "val": options.val_list, "test": options.test_list}
    paths = {
        split: find_list(root, options.lists, name, ROW.dirs.lists)
        for split, name in names.items()
        if name is not None
    }
    entries = {
        split: [read_entry(row) for row in read_rows(path, 2)] for split, path in paths.items()
    }
    refuse_repeats(entries)
    return entries


def read_entry(row: Row) -> Entry:
    """Return the entry of a line `id,LABEL`."""
    name, label = row.fields
    names = (name, OLD_NAMES[name]) if name in OLD_NAMES else (name,)
    return Entry(check_name(name, row), label, row, names)


def check_clip(entry: Entry) -> Entry:
    """Return the entry of a clip of CREMA-D itself, with its actor as group.

    The emotion that the actor was asked for is the third field of the name. Raise DataError.
    """
    named = CLIP.fullmatch(entry.id)
    if named is None:
        raise DataError(
            f"{entry.row}: {entry.id!r} is not the name of a CREMA-D clip; "
            "expected one like 1001_IEO_ANG_HI"
        )
    if named[2] != entry.label:
        raise DataError(
            f"{entry.row}: clip {entry.id!r} has the label {entry.label!r}; "
            f"expected {named[2]}, the third field of its name"
        )
    return replace(entry, group=named[1])


def choose_classes(
    root: Path, train: Sequence[Entry], options: CremadOptions, original: bool
) -> tuple[str, ...]:
    """Return the classes in the order of their numbers: of the file, of CREMA-D, or by name."""
    if options.class_list is not None:
        dirs = replace(ROW.dirs.lists, advice="expected one class a line")
        return tuple(read_class_names(find_list(root, options.lists, options.class_list, dirs)))
    if original:
        return ORDERS[options.class_order]
    return tuple(sorted({entry.label for entry in train}))


def split_by_actor(
    entries: EntriesBySplit, options: CremadOptions, seed: int
) -> tuple[dict[str, list[Entry]], dict[str, Any]]:
    """Return all clips of the lists, split anew so that nobody is in two splits, and the info."""
    everything = [entry for listed in entries.values() for entry in listed]
    if not all(entry.group for entry in everything):
        raise DataError(
            'option split is "actors", but the clips are not named as in CREMA-D, actor first; '
            'use "published"'
        )
    actors = [entry.group for entry in everything]
    chosen = split_groups(actors, options.folds, options.fold, options.val, seed)
    by_split = {
        split: [entry for entry, its in zip(everything, chosen, strict=True) if its == split]
        for split in SPLITS
    }
    made = f"actors, fold {options.fold} of {options.folds}, seed {seed}"
    return by_split, {"split": made, "val": "actors that are in no other part"}
