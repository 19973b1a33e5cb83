"""VGGSound: 200 000 clips of ten seconds from YouTube with a sound and what makes it, 309 classes.

Chen, Xie, Vedaldi, Zisserman: VGGSound, A Large-scale Audio-Visual Dataset, ICASSP 2020. Many of
its videos are gone from YouTube, so every paper has a different subset: OGM-GE found 168 618 of
train and 13 954 of test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asgml.core.data.base import SPLITS, DataError
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.clips.clips import ClipSet
from asgml.core.data.datasets.assemble import assemble, warn_of_classes
from asgml.core.data.datasets.audiovisual import AudioVisualOptions
from asgml.core.data.datasets.frame_options import check_list
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
from asgml.core.data.options import check_flag

ROW = DATA_SETS["vggsound"]
SECONDS = 10.0


@dataclass(frozen=True)
class VggSoundOptions(AudioVisualOptions):
    """Options of VGGSound beside those of all audio-visual data sets, as catalogued.

    Files are named by id and start and hold the clip; with `whole_videos` by the id alone.
    """

    audio: str = "vggsound"
    seconds: float = SECONDS
    list: str = "vggsound.csv"
    whole_videos: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_list("list", self.list)
        check_flag("whole_videos", self.whole_videos)


def find_clips(root: Path, options: VggSoundOptions, seed: int) -> ClipSet:
    """Return the clips of the list, each with its files, nothing decoded. Raise DataError."""
    path = find_list(root, options.lists, options.list, ROW.dirs.lists)
    entries = read_list(path, options.whole_videos)
    classes = tuple(sorted({entry.label for entry in entries["train"]}))
    refuse_strange_labels(entries, classes)
    info = {"warnings": warn_of_classes(classes, ROW)}
    # The published sizes are those of one paper's download, so none are expected of this list.
    bare = ClipSet("vggsound", root, classes, {}, {}, info=info)
    return assemble(bare, entries, options, ROW.dirs, seed)


def read_list(path: Path, whole: bool) -> dict[str, list[Entry]]:
    """Return the entries of the one list, by split; the published one has no val."""
    rows = without_header(read_rows(path, 4))
    for row in rows:
        if row.fields[3] not in SPLITS:
            given = row.fields[3][:40]
            raise DataError(f"{row}: split is {given!r}; expected one of {', '.join(SPLITS)}")
    entries = {
        split: [read_entry(row, whole) for row in rows if row.fields[3] == split]
        for split in SPLITS
    }
    for split in ("train", "test"):
        if not entries[split]:
            raise DataError(
                f"{path}: no line whose split is {split}; expected lines `id,start,label,split`"
            )
    refuse_repeats(entries)
    return entries


def without_header(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows without the header that some copies have: its last field says "split"."""
    # The fields of a row are "train", "val" or "test", so a header cannot be taken for one.
    return rows[1:] if "split" in rows[0].fields[3].lower() else rows


def read_entry(row: Row, whole: bool) -> Entry:
    """Return the entry of a line `id,start,label,split`.

    Files of clips are named by id and start: 000030, 30, or in milliseconds 30000_40000.
    """
    video, begin, label, _ = row.fields
    start = check_number(begin, row, "the start")
    second = int(start)
    check_name(video, row)
    clip = f"{video}_{second:06d}"
    if whole:
        return Entry(clip, label, row, (video,), start, SECONDS, video)
    milliseconds = f"{video}_{second * 1000}_{second * 1000 + 10000}"
    return Entry(clip, label, row, (clip, f"{video}_{second}", milliseconds), group=video)
