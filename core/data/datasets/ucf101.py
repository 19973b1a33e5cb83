"""UCF-101: 13 320 videos of 101 actions, seen in frames (rgb) and in the optical flow between them.

Soomro, Zamir, Shah: UCF101: A Dataset of 101 Human Actions Classes From Videos in The Wild,
CRCV-TR-12-01, 2012.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.clips.clips import ClipSet, Modality
from asgml.core.data.datasets.assemble import add_files, make_splits, warn_of_classes
from asgml.core.data.datasets.flow_folders import find_flow
from asgml.core.data.datasets.frame_options import FrameOptions, check_path
from asgml.core.data.datasets.lists import find_list, refuse_repeats, refuse_strange_labels
from asgml.core.data.datasets.media_dirs import find_frames
from asgml.core.data.datasets.media_files import MediaDir
from asgml.core.data.datasets.ucf101_lists import read_classes, read_entry, read_lines
from asgml.core.data.media.flow_decoder import flow_modality
from asgml.core.data.media.frame_decoder import frame_modality
from asgml.core.data.options import check_names, check_whole

ROW = DATA_SETS["ucf101"]
MODALITIES = list(ROW.modalities)


@dataclass(frozen=True)
class Ucf101Options(FrameOptions):
    """Options of UCF-101 beside those of all frames; the catalogue explains them.

    `frames` are moments, the same for rgb and flow.
    """

    fps: int = 30
    split_number: int = 1
    flow_folder: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("split_number", self.split_number, 1, len(ROW.published_splits))
        check_path("flow_folder", self.flow_folder)
        if self.modalities is not None:
            check_names("modalities", self.modalities, MODALITIES)

    @property
    def chosen(self) -> list[str]:
        return self.modalities or MODALITIES


def find_clips(root: Path, options: Ucf101Options, seed: int) -> ClipSet:
    """Return the clips of the lists, each with its files, nothing decoded. Raise DataError."""
    number, dirs = options.split_number, ROW.dirs.lists
    classes = read_classes(find_list(root, options.lists, "classInd.txt", dirs))
    paths = {
        split: find_list(root, options.lists, f"{split}list{number:02d}.txt", dirs)
        for split in ("train", "test")
    }
    entries = {
        split: [read_entry(row, classes) for row in read_lines(path, (1, 2))]
        for split, path in paths.items()
    }
    refuse_repeats(entries)
    refuse_strange_labels(entries, classes)
    info = {"split": f"published, {number} of 3", "warnings": warn_of_classes(classes, ROW)}
    published = ROW.published_splits[number]
    bare = ClipSet("ucf101", root, classes, {}, {}, published=published, info=info)
    split = make_splits(bare, entries, options, seed)
    return add_files(split, entries, find_media_dirs(root, options), build_modalities(options))


def find_media_dirs(root: Path, options: Ucf101Options) -> dict[str, MediaDir]:
    """Return where each chosen modality lies.

    Flow keeps to the moments of the frames, also where it is the only modality.
    """
    dirs: dict[str, MediaDir] = {}
    for name in options.chosen:
        if name == "rgb":
            dirs[name] = find_frames(root, options, ROW.dirs)
        else:
            frames = find_frames_for_flow(root, options)
            dirs[name] = find_flow(root, options.flow_folder, ROW.dirs.flow, frames)
    return dirs


def find_frames_for_flow(root: Path, options: Ucf101Options) -> MediaDir | None:
    """Return where the frames lie; None where there are none and nobody asked for them."""
    asked = "rgb" in options.chosen or options.frames_folder or options.video_folder
    try:
        return find_frames(root, options, ROW.dirs)
    except DataError:
        if asked:
            raise
        return None


def build_modalities(options: Ucf101Options) -> dict[str, Modality]:
    """Return the chosen modalities, in that order."""
    builders = {"rgb": frame_modality, "flow": flow_modality}
    return {name: builders[name](*options.settings) for name in options.chosen}
