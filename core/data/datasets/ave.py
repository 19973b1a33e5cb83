"""AVE: 4143 videos of ten seconds, each with an event of one of 28 classes that is both heard and seen.

Tian, Shi, Li, Duan, Xu: Audio-Visual Event Localization in Unconstrained Videos, ECCV 2018.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asgml.core.data.base import SPLITS, DataError, Dataset
from asgml.core.data.clip_dataset import load_clips
from asgml.core.data.clips import ClipSet
from asgml.core.data.datasets.assemble import assemble
from asgml.core.data.datasets.audiovisual import AudioVisualOptions, check_root, root_of
from asgml.core.data.datasets.lists import (
    Entry,
    Row,
    check_name,
    check_number,
    find_list,
    read_rows,
    refuse_repeats,
    refuse_strange_labels,
)
from asgml.core.data.datasets.media_dirs import DefaultDirs
from asgml.core.data.options import check_choice, read_options

PUBLISHED = {"train": 3339, "val": 402, "test": 402}
CLASSES = 28
SECONDS = 10  # of every video
USUAL = DefaultDirs(
    audio=("audio", "Audio", "wav", "wave_files", "AudioWAV"),
    frames=(
        "Image-{fps:02d}-FPS",
        "visual/Image-{fps:02d}-FPS",
        "Image-{fps:02d}-FPS-SE",
        "visual",
        "frames",
    ),
    video=("AVE", "video", "videos", "Video"),
)
LISTS = ("AVE_Dataset", "lists", "data", "data/AVE")
ADVICE = "they come with the AVE_Dataset archive of the authors"


@dataclass(frozen=True)
class AveOptions(AudioVisualOptions):
    """Option of AVE beside those of every audio-visual data set. `segment`: "event", from its start to its end, or "whole"."""

    segment: str = "event"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("segment", self.segment, ("event", "whole"))


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """AVE in the folder behind the colon of `spec`. Raises DataError."""
    chosen = read_options(AveOptions, options, spec)
    return load_clips(find_clips(root_of(spec, "/data/AVE_Dataset"), chosen, seed), chosen)


def find(root: Path, options: Mapping[str, Any], seed: int) -> ClipSet:
    """The clips of the lists, each with its files, nothing decoded. Raises DataError."""
    return find_clips(root, read_options(AveOptions, options, f"ave:{root}"), seed)


def find_clips(root: Path, options: AveOptions, seed: int) -> ClipSet:
    root = check_root(root, "ave")
    parts = read_lists(root, options)
    classes = tuple(sorted({entry.label for entry in parts["train"]}))
    refuse_strange_labels(parts, classes)
    warnings = [] if len(classes) == CLASSES else [f"{len(classes)} classes; AVE has {CLASSES}"]
    info = {"segment": options.segment, "warnings": warnings}
    return assemble(
        ClipSet("ave", root, classes, {}, {}, (), PUBLISHED, info, {"segment": options.segment}),
        parts,
        options,
        USUAL,
        seed,
    )


def read_lists(root: Path, options: AveOptions) -> dict[str, list[Entry]]:
    paths = {
        part: find_list(root, options.lists, f"{part}Set.txt", LISTS, ADVICE) for part in SPLITS
    }
    parts = {
        part: [read_entry(row, options.segment) for row in read_rows(path, 5, "&")]
        for part, path in paths.items()
    }
    parts = name_apart(parts)
    refuse_repeats(parts)
    return parts


def read_entry(row: Row, segment: str) -> Entry:
    """A line `Category&VideoID&Quality&Start&End`. One of the published ones ends where it starts; its clip is the whole video."""
    label, video, _, begin, finish = row.fields
    check_name(video, row)
    start, end = check_number(begin, row, "the start"), check_number(finish, row, "the end")
    if start > end:
        raise DataError(
            f"{row}: the event of {video!r} ends at {end:g} s, before it starts at {start:g} s; expected start, then end"
        )
    whole = segment == "whole" or start == end
    return Entry(
        video,
        label,
        row,
        (video,),
        0.0 if whole else start,
        None if whole else end - start,
        group=video,
    )


def name_apart(parts: Mapping[str, list[Entry]]) -> dict[str, list[Entry]]:
    """The same entries; those of a video that is listed under several classes, as 45 are, get the class into their name."""
    times = Counter(entry.id for entries in parts.values() for entry in entries)
    return {
        part: [
            replace(entry, id=f"{entry.id} ({entry.label})") if times[entry.id] > 1 else entry
            for entry in entries
        ]
        for part, entries in parts.items()
    }
