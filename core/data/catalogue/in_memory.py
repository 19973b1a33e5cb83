"""Rows of the data sets that are held in memory as a whole: generated, MOSI, MOSEI, AV-MNIST."""

from __future__ import annotations

from asgml.core.data.catalogue.row import DataSet, DefaultDirs, Dirs, Sign
from asgml.core.data.catalogue.shared_options import IN_MEMORY_OPTIONS

SYNTHETIC = DataSet(
    title="Generated data",
    summary="generated: six emotions, heard in a voice and seen in a drawn face; "
    "up to six modalities",
    modalities=("audio", "visual"),
    classes=6,
    give="nothing",
    loader="asgml.core.data.synthetic.emotions:load",
    options_class="asgml.core.data.synthetic.emotions:SyntheticOptions",
    options=IN_MEMORY_OPTIONS
    | {
        "modalities": "how many of the six kinds, or which, or `{name: kind}` for other names "
        "and for several of one kind",
        "difficulty": "fraction of samples that show a random class, for all or by name; "
        "none: by kind",
        "noise": "standard deviation of the noise, likewise; a signal is about 1",
        "redundancy": "probability that the modalities of a sample share luck and random class",
        "train": "samples of train",
        "val": "samples of val",
        "test": "samples of test",
    },
    generated=True,
    published={"train": 800, "val": 200, "test": 400},
    source="this program",
)

MMSA_FILES = ("aligned_50.pkl", "unaligned_50.pkl")
AFFECT_GIVE = (
    "{}, MMSA's aligned_50.pkl or unaligned_50.pkl, a folder with one of them, or an .npz of arrays"
)
AFFECT_OPTIONS = IN_MEMORY_OPTIONS | {
    "task": "classes of the scores: `acc2`: negative or not; `acc2_nonzero`: negative or positive, "
    "the neutral left out; `acc3`; `acc7`; or `regression`",
}

MOSI = DataSet(
    title="CMU-MOSI",
    summary="CMU-MOSI: opinions in film reviews, as features of words, voice and face",
    modalities=("text", "audio", "vision"),
    classes=2,
    give=AFFECT_GIVE.format("mosi_data.pkl"),
    loader="asgml.core.data.datasets.affect:load",
    options_class="asgml.core.data.datasets.affect:AffectOptions",
    options=AFFECT_OPTIONS,
    # A folder with files of both is taken for MOSEI: its signs come first.
    signs=(Sign(("mosi*.pkl",), 2), Sign(("Processed/mosi*.pkl",), 4)),
    dirs=DefaultDirs(
        files=Dirs(("mosi_data.pkl", "mosi_data_noalign.pkl", "mosi_raw.pkl", *MMSA_FILES))
    ),
    published={"train": 1284, "val": 229, "test": 686},
    source="as MulT and MMSA have them",
)

MOSEI = DataSet(
    title="CMU-MOSEI",
    summary="CMU-MOSEI: the larger MOSI, as features of words, voice and face",
    modalities=("text", "audio", "vision"),
    classes=2,
    give=AFFECT_GIVE.format("mosei_senti_data.pkl"),
    loader="asgml.core.data.datasets.affect:load",
    options_class="asgml.core.data.datasets.affect:AffectOptions",
    options=AFFECT_OPTIONS,
    signs=(Sign(("mosei*.pkl",), 1), Sign(("Processed/mosei*.pkl",), 3)),
    dirs=DefaultDirs(
        files=Dirs(
            (
                "mosei_senti_data.pkl",
                "mosei_senti_data_noalign.pkl",
                "mosei_raw.pkl",
                *MMSA_FILES,
            )
        )
    ),
    published={"train": 16326, "val": 1871, "test": 4659},
    source="as MulT and MMSA have them",
)

AVMNIST = DataSet(
    title="AV-MNIST",
    summary="AV-MNIST: written digits with the spectrogram of the same digit spoken",
    modalities=("audio", "image"),
    classes=10,
    give="a folder with image/, audio/ and labels as .npy, as in MultiBench, or an .npz of arrays",
    loader="asgml.core.data.datasets.avmnist:load",
    options_class="asgml.core.data.datasets.avmnist:AvmnistOptions",
    options=IN_MEMORY_OPTIONS | {"val": "how many of the last samples of train become validation"},
    signs=(Sign(("image/train_data.npy", "audio/train_data.npy"), 5),),
    dirs=DefaultDirs(
        files=Dirs(
            (
                "image/train_data.npy",
                "audio/train_data.npy",
                "train_labels.npy",
                "image/test_data.npy",
                "audio/test_data.npy",
                "test_labels.npy",
            )
        )
    ),
    published={"train": 55000, "val": 5000, "test": 10000},
    source="MultiBench (Liang et al., NeurIPS 2021)",
)
