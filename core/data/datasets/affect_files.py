"""Find and read the pickles of CMU-MOSI and CMU-MOSEI, in the layouts of MulT and of MMSA.

Both are {split: {key: array}} with the splits train, valid and test, and the features of N
utterances under text, audio and vision. MulT (Tsai et al., ACL 2019) has the scores under `labels`
(N, 1, 1); MMSA (Yu et al., THUIAR) under `regression_labels` (N,), beside texts, tokens and lengths
that are not read here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asgml.core.data.arrays.memory_limit import check_memory
from asgml.core.data.base import SPLITS, DataError
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.datasets.sentiment import Scores
from asgml.core.data.datasets.unpickle import read_pickle

FOLDERS = (".", "Processed")
MODALITIES = ("text", "audio", "vision")
SPLIT_KEYS = {"train": ("train",), "val": ("valid", "val", "dev"), "test": ("test",)}
SCORE_KEYS = ("regression_labels", "labels")


@dataclass(frozen=True)
class FeatureSplit:
    """The features and scores of one split, N utterances."""

    inputs: dict[str, NDArray[np.float32]]  # modality -> (N, …)
    scores: Scores  # (N,)
    repaired: dict[str, int]  # modality -> how many numbers were not finite, and are 0


def find_file(name: str, path: Path) -> Path:
    """Return the file itself, or the one of a known name in this folder.

    Raise DataError where there is none, or several.
    """
    if not path.is_dir():
        if not path.exists():
            raise DataError(f"{name}: there is no {path}")
        return path
    known = DATA_SETS[name].dirs.files.names
    candidates = [path / folder / file for folder in FOLDERS for file in known]
    found = [file for file in candidates if file.is_file()]
    if not found:
        raise DataError(
            f"{path}: no {name} in this folder; expected {', '.join(known)}, "
            f"or name the file: {name}:{path}/FILE.pkl"
        )
    if len(found) > 1:
        names = ", ".join(str(file.relative_to(path)) for file in found)
        raise DataError(
            f"{path}: {len(found)} versions of {name} ({names}); "
            f"name the one to use: {name}:{found[0]}"
        )
    return found[0]


def read_splits(path: Path, modalities: Sequence[str]) -> dict[str, FeatureSplit]:
    """Return every split of a pickle. Raise DataError, without the file's name."""
    whole = read_pickle(path)
    tables = {split: _table(whole, split) for split in SPLITS}
    _refuse_too_large(tables, modalities)
    splits = {split: _features(table, modalities, split) for split, table in tables.items()}
    for m in modalities:
        shapes = {split: data.inputs[m].shape[1:] for split, data in splits.items()}
        if len(set(shapes.values())) > 1:
            raise DataError(
                f"{m!r} has samples of {shapes['train']} in train, {shapes['val']} in val, "
                f"{shapes['test']} in test; expected one"
            )
    return splits


def _table(whole: object, split: str) -> Mapping[str, Any]:
    keys = SPLIT_KEYS[split]
    if not isinstance(whole, dict):
        raise DataError(
            f"the pickle holds a {type(whole).__name__}; "
            "expected {split: {key: array}} as MulT and MMSA write it"
        )
    found = next((whole[key] for key in keys if key in whole), None)
    if not isinstance(found, dict):
        there = ", ".join(repr(key) for key in list(whole)[:5]) or "nothing"
        raise DataError(
            f"no split {keys[0]!r} among {there[:100]}; "
            "expected 'train', 'valid' and 'test', each {key: array}"
        )
    return found


def _refuse_too_large(tables: Mapping[str, Mapping[str, Any]], modalities: Sequence[str]) -> None:
    size = sum(
        4 * math.prod(_array(table, m, split).shape)
        for split, table in tables.items()
        for m in modalities
    )
    check_memory(size, "choose fewer modalities")


def _features(table: Mapping[str, Any], modalities: Sequence[str], split: str) -> FeatureSplit:
    scores = _scores(table, split)
    inputs, repaired = {}, {}
    for m in modalities:
        inputs[m], repaired[m] = _modality(table, m, split, len(scores))
    return FeatureSplit(inputs, scores, repaired)


def _scores(table: Mapping[str, Any], split: str) -> Scores:
    key = next((key for key in SCORE_KEYS if key in table), None)
    if key is None:
        raise DataError(
            f"{split} has {_keys(table)}; "
            "expected the scores under 'labels' (MulT) or 'regression_labels' (MMSA)"
        )
    given = _array(table, key, split)
    one_each = given.ndim > 0 and len(given) > 0 and given.size == len(given)
    if given.dtype.kind not in "fiu" or not one_each:
        raise DataError(
            f"{key!r} of {split} is {given.dtype} {given.shape}; "
            "expected one score for each utterance, (N,) or (N, 1, 1)"
        )
    scores = given.reshape(-1).astype(np.float32)
    if not np.isfinite(scores).all():
        raise DataError(
            f"{key!r} of {split} has {int((~np.isfinite(scores)).sum())} scores "
            "that are not numbers; drop these samples"
        )
    return scores


def _modality(
    table: Mapping[str, Any], m: str, split: str, samples: int
) -> tuple[NDArray[np.float32], int]:
    """Return a modality as float32, with 0 for what is not finite, and how many such there were.

    The voice of CMU-MOSEI (COVAREP) has minus infinity in it, as published.
    """
    given = _array(table, m, split)
    fits = given.ndim in (2, 3) and len(given) == samples and 0 not in given.shape
    if given.dtype.kind not in "fiu" or not fits:
        raise DataError(
            f"{m!r} of {split} is {given.dtype} {given.shape} for {samples} scores; "
            "expected numbers (N, T, F) or (N, D)"
        )
    # A float64 beyond float32 becomes infinite, and so one of the numbers that are repaired.
    with np.errstate(over="ignore"):
        values = given.astype(np.float32)
    strange = ~np.isfinite(values)
    values[strange] = 0
    return values, int(strange.sum())


def _array(table: Mapping[str, Any], key: str, split: str) -> NDArray[Any]:
    if key not in table:
        raise DataError(
            f"{split} has {_keys(table)}; "
            f"expected {key!r}, or leave it out with data.options.modalities"
        )
    try:
        return np.asarray(table[key])
    except ValueError as error:
        raise DataError(
            f"{key!r} of {split} is a list of unequal lengths; "
            "expected one array: pad it with rows of zeros"
        ) from error


def _keys(table: Mapping[str, Any]) -> str:
    return ", ".join(repr(key) for key in list(table)[:12])[:150] or "no keys"
