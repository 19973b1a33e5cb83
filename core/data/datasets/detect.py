"""Tells by the names of files and folders which data set lies at a path. Opens none of them."""

from __future__ import annotations

from pathlib import Path

# Signs of each data set, the surest first: all patterns of one line must be there. A list may lie in a folder of its own.
SIGNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ave", ("trainSet.txt", "testSet.txt")),
    ("ave", ("*/trainSet.txt", "*/testSet.txt")),
    ("ks", ("my_train.txt", "my_test.txt")),
    ("ks", ("*/my_train.txt", "*/my_test.txt")),
    ("vggsound", ("vggsound.csv",)),
    ("vggsound", ("*/vggsound.csv",)),
    ("ucf101", ("classInd.txt", "trainlist0[123].txt")),
    ("ucf101", ("*/classInd.txt", "*/trainlist0[123].txt")),
    ("mosei", ("mosei*.pkl",)),
    ("mosi", ("mosi*.pkl",)),
    ("mosei", ("Processed/mosei*.pkl",)),
    ("mosi", ("Processed/mosi*.pkl",)),
    ("avmnist", ("image/train_data.npy", "audio/train_data.npy")),
    ("cremad", ("VideoFlash",)),
    ("cremad", ("AudioWAV", "Image-[0-9][0-9]-FPS")),
    ("cremad", ("AudioWAV", "train.csv")),
    ("cremad", ("Image-[0-9][0-9]-FPS", "train.csv")),
    ("cremad", ("AudioWAV",)),
)


def detect(path: Path) -> str | None:
    """The name of the data set, or None. A folder is known by what is in it, a pickle by its name or its folder's."""
    if not path.is_dir():
        return by_word(path) if path.suffix.lower() == ".pkl" else None
    named = next((name for name, signs in SIGNS if all(has(path, sign) for sign in signs)), None)
    if named is None and (has(path, "*aligned_50.pkl") or has(path, "Processed/*aligned_50.pkl")):
        return by_word(path / "aligned_50.pkl")
    return named


def by_word(pickle: Path) -> str | None:
    """MMSA calls its pickles aligned_50.pkl for both data sets, in folders named after them: MOSI/Processed/aligned_50.pkl."""
    words = [pickle.name.lower(), *(folder.name.lower() for folder in list(pickle.parents)[:2])]
    return next((name for word in words for name in ("mosei", "mosi") if name in word), None)


def has(folder: Path, sign: str) -> bool:
    try:
        return next(folder.glob(sign), None) is not None
    except OSError:
        return False  # a folder that cannot be listed shows nothing
