"""The row of the data set whose clips are frames and optical flow: UCF-101."""

from __future__ import annotations

from asgml.core.data.catalogue.row import DataSet, DefaultDirs, Dirs, Sign
from asgml.core.data.catalogue.shared_options import FRAME_OPTIONS

# Each sums to the same 13 320 videos.
UCF101_SPLITS = {
    1: {"train": 9537, "test": 3783},
    2: {"train": 9586, "test": 3734},
    3: {"train": 9624, "test": 3696},
}

UCF101 = DataSet(
    title="UCF-101",
    summary="UCF-101: 101 actions in videos of 1 to 71 s, by their frames and the optical flow "
    "between them",
    modalities=("rgb", "flow"),
    classes=101,
    give="a folder with the videos in UCF-101/, or frames in jpegs_256/; "
    "flow in tvl1_flow/u and /v; classInd.txt and the lists",
    loader="asgml.core.data.datasets.ucf101:find_clips",
    options_class="asgml.core.data.datasets.ucf101:Ucf101Options",
    options=FRAME_OPTIONS
    | {
        "modalities": '`["rgb"]` alone needs no flow on the disk; none: both',
        "split_number": "which of the three published splits",
        "fps": "images a second in the folder of frames, or to take from the video; "
        "30 is every frame",
        "flow_folder": "the folder of the flow; none: a default one",
    },
    signs=(
        Sign(("classInd.txt", "trainlist0[123].txt")),
        Sign(("*/classInd.txt", "*/trainlist0[123].txt")),
    ),
    dirs=DefaultDirs(
        lists=Dirs(
            (
                "ucfTrainTestlist",
                "UCF101TrainTestSplits-RecognitionTask",
                "annotations",
                "lists",
                "splits",
                "data",
            ),
            "classInd.txt",
            "it comes with UCF101TrainTestSplits-RecognitionTask.zip of the authors",
        ),
        frames=Dirs(
            (
                "jpegs_256",
                "ucf101_jpegs_256/jpegs_256",
                "Image-{fps:02d}-FPS",
                "ucf101-frames-{fps}fps/video-set",
                "rgb",
                "frames",
                "rawframes",
            ),
            "v_ApplyEyeMakeup_g08_c01/frame000001.jpg",
        ),
        video=Dirs(
            ("UCF-101", "UCF101", "ucf101", "videos", "video"),
            "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi",
        ),
        flow=Dirs(
            (
                "tvl1_flow",
                "ucf101_tvl1_flow/tvl1_flow",
                "ucf101_tvl1_flow",
                "flow",
                "flows",
                "optical_flow",
            ),
            "u/v_ApplyEyeMakeup_g08_c01/frame000001.jpg",
            "flow must be extracted beforehand (TV-L1, an image of u and one of v a frame); "
            "or train on rgb alone: --set 'data.options.modalities=[\"rgb\"]'",
        ),
    ),
    clips=True,
    published=UCF101_SPLITS[1],
    published_splits=UCF101_SPLITS,
    source="lists of UCF-101 (Soomro et al., 2012), split 1 of 3, as papers count them",
    example="/data/ucf101",
)
