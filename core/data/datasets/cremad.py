"""CREMA-D: 7442 clips in which 91 actors say one of 12 sentences in one of 6 emotions; or other clips kept in the same way.

Cao, Cooper, Keutmann, Gur, Nenkova, Verma: CREMA-D, IEEE Transactions on Affective Computing 2014. The published lists and the
extraction of the frames are those of OGM-GE (Peng et al., CVPR 2022), data/CREMAD and data/VGGSound/video_preprocessing.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asgml.core.data.base import SPLITS, DataError, Dataset
from asgml.core.data.clip_dataset import load_clips
from asgml.core.data.clips import ClipSet
from asgml.core.data.datasets.assemble import assemble
from asgml.core.data.datasets.audiovisual import AudioVisualOptions, check_root, root_of
from asgml.core.data.datasets.folds import split_groups
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
from asgml.core.data.options import check_choice, check_whole, read_options

ORDERS = {
    "ogm": ("NEU", "HAP", "SAD", "FEA", "DIS", "ANG"),  # OGM-GE, PMR, ARL, InfoReg …
    "alphabetical": (
        "ANG",
        "DIS",
        "FEA",
        "HAP",
        "NEU",
        "SAD",
    ),  # MMPareto, Diagnosing & Re-learning
}
PUBLISHED = {"train": 6698, "test": 744}
PUBLISHED_VAL = 744  # Diagnosing & Re-learning takes its validation from train too, and states 5954/745/744: one more than there are
CLIP = re.compile(
    r"([0-9]{4})_[A-Z]{3}_([A-Z]{3})_(LO|MD|HI|XX)"
)  # actor, sentence, emotion, level
# Until October 2022 one file of AudioWAV lacked a letter of its name; most copies are from before.
OLD_NAMES = {"1040_ITH_SAD_XX": "1040_ITH_SAD_X"}
USUAL = DefaultDirs(
    audio=("AudioWAV", "audio", "AudioMP3"),
    frames=("Image-{fps:02d}-FPS", "visual/Image-{fps:02d}-FPS", "visual"),
    video=("VideoFlash", "Video", "VideoMP4", "video"),
)
LISTS = ("lists", "data", "data/CREMAD", "CREMAD", "cremad")
ADVICE = "they are in data/CREMAD of the OGM-GE repository"


@dataclass(frozen=True)
class CremadOptions(AudioVisualOptions):
    """Options of CREMA-D beside those of every audio-visual data set.

    `train_list`, `test_list`: files with lines `id,label`; `val_list` where there is one. `class_list`: a file with one class a
    line, which gives their order. `class_order`: the numbers of CREMA-D's six classes, "ogm" or "alphabetical". `split`:
    "published" as in the lists, or "actors": nobody in two parts, `fold` of `folds` for test, drawn from the seed.
    """

    seconds: float = 3
    frames: int = 1
    choice: str = "first"
    frame_size: list[int] = field(
        default_factory=lambda: [240, 320]
    )  # half of the 480x360 of its video, and a bit
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


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """CREMA-D in the folder behind the colon of `spec`. Raises DataError."""
    chosen = read_options(CremadOptions, options, spec)
    return load_clips(find_clips(root_of(spec, "/data/CREMA-D"), chosen, seed), chosen)


def find(root: Path, options: Mapping[str, Any], seed: int) -> ClipSet:
    """The clips of the lists, each with its files, nothing decoded. Raises DataError."""
    return find_clips(root, read_options(CremadOptions, options, f"cremad:{root}"), seed)


def find_clips(root: Path, options: CremadOptions, seed: int) -> ClipSet:
    root = check_root(root, "cremad")
    parts = read_lists(root, options)
    own = any(CLIP.fullmatch(entry.id) for entry in parts["train"])
    if own:
        parts = {part: [check_clip(entry) for entry in entries] for part, entries in parts.items()}
    classes = choose_classes(root, parts["train"], options, own)
    refuse_strange_labels(parts, classes)
    published = PUBLISHED if own and options.split == "published" else {}
    info: dict[str, Any] = {"split": "published" if own else "as in the lists"}
    if options.split == "actors":
        parts, info = by_actor(parts, options, seed)
    elif own and not options.val and len(parts["train"]) == PUBLISHED["train"]:
        options = replace(options, val=PUBLISHED_VAL)
    return assemble(
        ClipSet("cremad", root, classes, {}, {}, (), published, info), parts, options, USUAL, seed
    )


def read_lists(root: Path, options: CremadOptions) -> dict[str, list[Entry]]:
    """The entries of each part that has a list."""
    names = {"train": options.train_list, "val": options.val_list, "test": options.test_list}
    paths = {
        part: find_list(root, options.lists, name, LISTS, ADVICE)
        for part, name in names.items()
        if name is not None
    }
    parts = {part: [read_entry(row) for row in read_rows(path, 2)] for part, path in paths.items()}
    refuse_repeats(parts)
    return parts


def read_entry(row: Row) -> Entry:
    name, label = row.fields
    names = (name, OLD_NAMES[name]) if name in OLD_NAMES else (name,)
    return Entry(check_name(name, row), label, row, names)


def check_clip(entry: Entry) -> Entry:
    """The entry of a clip of CREMA-D itself, with its actor. The emotion that was asked for is the third field of its name."""
    named = CLIP.fullmatch(entry.id)
    if named is None:
        raise DataError(
            f"{entry.row}: {entry.id!r} is not the name of a CREMA-D clip; expected one like 1001_IEO_ANG_HI"
        )
    if named[2] != entry.label:
        raise DataError(
            f"{entry.row}: clip {entry.id!r} has the label {entry.label!r}; expected {named[2]}, the third field of its name"
        )
    return replace(entry, group=named[1])


def choose_classes(
    root: Path, train: Sequence[Entry], options: CremadOptions, own: bool
) -> tuple[str, ...]:
    if options.class_list is not None:
        return tuple(
            read_words(
                find_list(
                    root, options.lists, options.class_list, LISTS, "expected one class a line"
                )
            )
        )
    return ORDERS[options.class_order] if own else tuple(sorted({entry.label for entry in train}))


def by_actor(
    parts: Mapping[str, Sequence[Entry]], options: CremadOptions, seed: int
) -> tuple[dict[str, list[Entry]], dict[str, Any]]:
    """All clips of the lists, split anew so that nobody is in two parts."""
    entries = [entry for part in parts.values() for entry in part]
    if not all(entry.group for entry in entries):
        raise DataError(
            'option split is "actors", but the clips are not named as in CREMA-D, actor first; use "published"'
        )
    places = split_groups(
        [entry.group for entry in entries], options.folds, options.fold, options.val, seed
    )
    split = {
        part: [entry for entry, place in zip(entries, places, strict=True) if place == part]
        for part in SPLITS
    }
    told = f"actors, fold {options.fold} of {options.folds}, seed {seed}"
    return split, {"split": told, "val": "actors that are in no other part"}
