"""Recognise by the names of files and folders which data set lies at a path. Opens none."""

from __future__ import annotations

from pathlib import Path

from asgml.core.data.catalogue import DATA_SETS, signs_by_rank

# MMSA calls its pickles so for several data sets, in folders named after them:
# MOSI/Processed/aligned_50.pkl.
MMSA_FILE = "aligned_50.pkl"


def detect(path: Path) -> str | None:
    """Return the name of the data set, or None.

    A folder is known by what is in it, a pickle by its name or its folder's.
    """
    if not path.is_dir():
        return name_in_path(path) if path.suffix.lower() == ".pkl" else None
    for name, sign in signs_by_rank():
        if all(holds(path, pattern) for pattern in sign.patterns):
            return name
    if holds(path, f"*{MMSA_FILE}") or holds(path, f"Processed/*{MMSA_FILE}"):
        return name_in_path(path / MMSA_FILE)
    return None


def name_in_path(pickle: Path) -> str | None:
    """Return the data set that the pickle or one of its two folders is named after."""
    # Two folders up, since MMSA puts its files into MOSI/Processed.
    parts = [pickle.name.lower(), *(folder.name.lower() for folder in list(pickle.parents)[:2])]
    names = [name for name, row in DATA_SETS.items() if MMSA_FILE in row.dirs.files.names]
    longest_first = sorted(names, key=len, reverse=True)
    return next((name for part in parts for name in longest_first if name in part), None)


def holds(folder: Path, pattern: str) -> bool:
    try:
        return next(folder.glob(pattern), None) is not None
    except OSError:
        return False  # a folder that cannot be listed shows nothing
