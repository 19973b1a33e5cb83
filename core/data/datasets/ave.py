"""AVE: 4143 videos of ten seconds, each with an event of one of 28 classes, both heard and seen.

Tian, Shi, Li, Duan, Xu: Audio-Visual Event Localization in Unconstrained Videos, ECCV 2018.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from asgml.core.data.base import SPLITS, DataError
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.clips.clips import ClipSet
from asgml.core.data.datasets.assemble import assemble, warn_of_classes
from asgml.core.data.datasets.audiovisual import AudioVisualOptions
from asgml.core.data.datasets.lists import (
    EntriesBySplit,
    Entry,
    Row,
    check_name,
    check_number,
    find_list,
    read_rows,
    refuse_repeats,
    refuse_strange_labels,
)
from asgml.core.data.options import check_choice

ROW = DATA_SETS["ave"]


@dataclass(frozen=True)
class AveOptions(AudioVisualOptions):
    """Options of AVE beside those of all audio-visual data sets, as catalogued."""

    segment: str = "event"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("segment", self.segment, ("event", "whole"))


def find_clips(root: Path, options: AveOptions, seed: int) -> ClipSet:
    """Return the clips of the lists, each with its files, nothing decoded. Raise DataError."""
    entries = read_lists(root, options)
    classes = tuple(sorted({entry.label for entry in entries["train"]}))
    refuse_strange_labels(entries, classes)
    info = {"segment": options.segment, "warnings": warn_of_classes(classes, ROW)}
    # The segment gives the same clips other sources, so each has a cache of its own.
    choices = {"segment": options.segment}
    bare = ClipSet(
        "ave", root, classes, {}, {}, published=ROW.published, info=info, source_choices=choices
    )
    return assemble(bare, entries, options, ROW.dirs, seed)


def read_lists(root: Path, options: AveOptions) -> EntriesBySplit:
    """Return the entries of the three lists."""
    paths = {
        split: find_list(root, options.lists, f"{split}Set.txt", ROW.dirs.lists) for split in SPLITS
    }
    entries = {
        split: [read_entry(row, options.segment) for row in read_rows(path, 5, "&")]
        for split, path in paths.items()
    }
    entries = distinguish_repeats(entries)
    refuse_repeats(entries)
    return entries


def read_entry(row: Row, segment: str) -> Entry:
    """Return the entry of a line `Category&VideoID&Quality&Start&End`. Raise DataError.

    One of the published lines ends where it starts; its clip is the whole video.
    """
    label, video, _, begin, finish = row.fields
    check_name(video, row)
    start, end = check_number(begin, row, "the start"), check_number(finish, row, "the end")
    if start > end:
        raise DataError(
            f"{row}: the event of {video!r} ends at {end:g} s, before it starts at {start:g} s; "
            "expected start, then end"
        )
    if segment == "whole" or start == end:
        return Entry(video, label, row, (video,), group=video)
    return Entry(video, label, row, (video,), start, end - start, video)


def distinguish_repeats(entries: dict[str, list[Entry]]) -> dict[str, list[Entry]]:
    """Return the same entries; those of a video under several classes have the class in their name.

    45 videos of the published lists are.
    """
    times = Counter(entry.id for listed in entries.values() for entry in listed)
    return {
        split: [
            replace(entry, id=f"{entry.id} ({entry.label})") if times[entry.id] > 1 else entry
            for entry in listed
        ]
        for split, listed in entries.items()
    }
