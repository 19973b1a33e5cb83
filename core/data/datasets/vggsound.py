"""VGGSound: about 200 000 clips of ten seconds from YouTube in which a sound and what makes it are there, 309 classes.

Chen, Xie, Vedaldi, Zisserman: VGGSound, A Large-scale Audio-Visual Dataset, ICASSP 2020. Many of its videos are gone from
YouTube, so every paper has its own part of it: OGM-GE found 168 618 of train and 13 954 of test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.core.data.base import DataError, Dataset
from asgml.core.data.clip_dataset import load_clips
from asgml.core.data.clips import ClipSet
from asgml.core.data.datasets.assemble import assemble
from asgml.core.data.datasets.audiovisual import AudioVisualOptions, check_root, root_of
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
from asgml.core.data.datasets.media_dirs import DefaultDirs
from asgml.core.data.options import check_flag, read_options

CLASSES = 309
SECONDS = 10.0
PARTS = ("train", "val", "test")  # the published list has no val
USUAL = DefaultDirs(
    audio=("audio", "audios", "wav"),
    frames=("visual/Image-{fps:02d}-FPS", "Image-{fps:02d}-FPS", "visual", "frames"),
    video=(
        "video",
        "videos",
        "Video",
        "scratch/shared/beegfs/hchen/train_data/VGGSound_final/video",
    ),  # the last: the public archives
)
LISTS = ("lists", "data", "data/VGGSound")
ADVICE = "it is on the page of the authors, robots.ox.ac.uk/~vgg/data/vggsound"


@dataclass(frozen=True)
class VggSoundOptions(AudioVisualOptions):
    """Options of VGGSound beside those of every audio-visual data set.

    `list`: the file with lines `id,start,label,split`. `whole_videos`: the files are named by the id alone and hold the whole
    video, of which the clip is the ten seconds from its start; otherwise they are named by id and start, and hold the clip.
    """

    audio: str = "vggsound"
    seconds: float = SECONDS
    list: str = "vggsound.csv"
    whole_videos: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_list("list", self.list)
        check_flag("whole_videos", self.whole_videos)


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """VGGSound in the folder behind the colon of `spec`. Raises DataError."""
    chosen = read_options(VggSoundOptions, options, spec)
    return load_clips(find_clips(root_of(spec, "/data/VGGSound"), chosen, seed), chosen)


def find(root: Path, options: Mapping[str, Any], seed: int) -> ClipSet:
    """The clips of the list, each with its files, nothing decoded. Raises DataError."""
    return find_clips(root, read_options(VggSoundOptions, options, f"vggsound:{root}"), seed)


def find_clips(root: Path, options: VggSoundOptions, seed: int) -> ClipSet:
    root = check_root(root, "vggsound")
    parts = read_list(
        find_list(root, options.lists, options.list, LISTS, ADVICE), options.whole_videos
    )
    classes = tuple(sorted({entry.label for entry in parts["train"]}))
    refuse_strange_labels(parts, classes)
    info = {
        "warnings": []
        if len(classes) == CLASSES
        else [f"{len(classes)} classes; VGGSound has {CLASSES}"]
    }
    return assemble(
        ClipSet("vggsound", root, classes, {}, {}, (), {}, info), parts, options, USUAL, seed
    )


def read_list(path: Path, whole: bool) -> dict[str, list[Entry]]:
    """The entries of the one list, by part."""
    rows = without_header(read_rows(path, 4))
    for row in rows:
        if row.fields[3] not in PARTS:
            raise DataError(
                f"{row}: split is {row.fields[3][:40]!r}; expected one of {', '.join(PARTS)}"
            )
    parts = {
        part: [read_entry(row, whole) for row in rows if row.fields[3] == part] for part in PARTS
    }
    for part in ("train", "test"):
        if not parts[part]:
            raise DataError(
                f"{path}: no line whose split is {part}; expected lines `id,start,label,split`"
            )
    refuse_repeats(parts)
    return parts


def without_header(rows: Sequence[Row]) -> Sequence[Row]:
    """Some copies of the list have one: its last field speaks of the split, as no row does."""
    return rows[1:] if "split" in rows[0].fields[3].lower() else rows


def read_entry(row: Row, whole: bool) -> Entry:
    """A line `id,start,label,split`. Files of clips are named by id and start: 000030, 30, or in milliseconds 30000_40000."""
    video, begin, label, _ = row.fields
    start = check_number(begin, row, "the start")
    second = int(start)
    check_name(video, row)
    clip = f"{video}_{second:06d}"
    if whole:
        return Entry(clip, label, row, (video,), start, SECONDS, video)
    return Entry(
        clip,
        label,
        row,
        (clip, f"{video}_{second}", f"{video}_{second * 1000}_{second * 1000 + 10000}"),
        group=video,
    )
