"""The data sets by name, one row each: what each is, how large, and which files it is read from. Light: loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class DataSet:
    """A row of the table. `clips` are decoded from files one by one, so single ones can be missing.

    `published` is the number of samples in each split of the lists that `source` gives; a list without val is told by its absence.
    """

    summary: str
    modalities: tuple[str, ...]
    classes: int
    give: str
    clips: bool = False
    published: Mapping[str, int] = field(default_factory=dict)
    source: str = ""


DATA_SETS = {
    "synthetic": DataSet(
        "generated: six emotions, heard in a voice and seen in a drawn face; up to six modalities",
        ("audio", "visual"),
        6,
        "nothing",
        published={"train": 800, "val": 200, "test": 400},
        source="this program",
    ),
    "cremad": DataSet(
        "CREMA-D: 91 actors speak 12 sentences in six emotions, 7442 clips of 2 to 3 s",
        ("audio", "visual"),
        6,
        "a folder with AudioWAV/ and Image-01-FPS/ (or 03), or VideoFlash/ for both; and train.csv and test.csv of OGM-GE",
        True,
        {"train": 6698, "test": 744},
        "lists of OGM-GE (Peng et al., CVPR 2022), counted; all 91 actors are in both",
    ),
    "ave": DataSet(
        "AVE: 28 audio-visual events, in videos of 10 s each",
        ("audio", "visual"),
        28,
        "a folder with the videos in AVE/, or their sound and frames; and trainSet.txt, valSet.txt and testSet.txt",
        True,
        {"train": 3339, "val": 402, "test": 402},
        "lists of AVE (Tian et al., ECCV 2018), counted",
    ),
    "ks": DataSet(
        "Kinetics-Sounds, the 31 classes of OGM-GE: actions that are seen and heard, clips of 10 s",
        ("audio", "visual"),
        31,
        "a folder with the videos in video/, or their sound and frames; and my_train.txt and my_test.txt of OGM-GE",
        True,
        {"train": 14799, "test": 2597},
        "lists of OGM-GE (Peng et al., CVPR 2022), counted; its text says 15 k, 1.9 k and 1.9 k",
    ),
    "vggsound": DataSet(
        "VGGSound: 309 kinds of sounds with the video that shows their source, clips of 10 s",
        ("audio", "visual"),
        309,
        "a folder with the videos in video/, or their sound and frames; and vggsound.csv",
        True,
        {"train": 168618, "test": 13954},
        "OGM-GE (Peng et al., CVPR 2022): what was still to be had then; train includes val",
    ),
    "ucf101": DataSet(
        "UCF-101: 101 actions in videos of 1 to 71 s, by their frames and the optical flow between them",
        ("rgb", "flow"),
        101,
        "a folder with the videos in UCF-101/, or frames in jpegs_256/; flow in tvl1_flow/u and /v; classInd.txt and the lists",
        True,
        {"train": 9537, "test": 3783},
        "lists of UCF-101 (Soomro et al., 2012), split 1 of 3, as papers count them",
    ),
    "mosi": DataSet(
        "CMU-MOSI: opinions in film reviews, as features of words, voice and face",
        ("text", "audio", "vision"),
        2,
        "mosi_data.pkl, MMSA's aligned_50.pkl or unaligned_50.pkl, a folder with one of them, or an .npz of arrays",
        published={"train": 1284, "val": 229, "test": 686},
        source="as MulT and MMSA have them",
    ),
    "mosei": DataSet(
        "CMU-MOSEI: the larger MOSI, as features of words, voice and face",
        ("text", "audio", "vision"),
        2,
        "mosei_senti_data.pkl, MMSA's aligned_50.pkl or unaligned_50.pkl, a folder with one of them, or an .npz of arrays",
        published={"train": 16326, "val": 1871, "test": 4659},
        source="as MulT and MMSA have them",
    ),
    "avmnist": DataSet(
        "AV-MNIST: written digits with the spectrogram of the same digit spoken",
        ("audio", "image"),
        10,
        "a folder with image/, audio/ and labels as .npy, as in MultiBench, or an .npz of arrays",
        published={"train": 55000, "val": 5000, "test": 10000},
        source="MultiBench (Liang et al., NeurIPS 2021)",
    ),
}
"""Every name of asgml.core.data.base.NAMED has a row, and the other way round."""
