"""Finds and reads the pickles that CMU-MOSI and CMU-MOSEI are passed around in, in the layouts of MulT and of MMSA.

Both are {split: {key: array}} with the splits train, valid and test, and the features of N utterances under text, audio and
vision. MulT (Tsai et al., ACL 2019) has the scores under `labels` (N, 1, 1); MMSA (Yu et al., THUIAR) under
`regression_labels` (N,), beside texts, tokens and lengths that are not looked at here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asgml.core.data.arrays import MEMORY_LIMIT
from asgml.core.data.base import SPLITS, DataError
from asgml.core.data.datasets.sentiment import Scores
from asgml.core.data.datasets.unpickle import read_pickle

KNOWN_FILES = {
    "mosi": ("mosi_data.pkl", "mosi_data_noalign.pkl", "mosi_raw.pkl"),
    "mosei": ("mosei_senti_data.pkl", "mosei_senti_data_noalign.pkl", "mosei_raw.pkl"),
}
MMSA_FILES = ("aligned_50.pkl", "unaligned_50.pkl")
FOLDERS = (".", "Processed")
MODALITIES = ("text", "audio", "vision")
WORDS = {"train": ("train",), "val": ("valid", "val", "dev"), "test": ("test",)}
SCORES = ("regression_labels", "labels")


@dataclass(frozen=True)
class Part:
    """One split: {modality: (N, …)} float32, N scores, and how many numbers were not finite, by modality."""

    inputs: dict[str, NDArray[np.float32]]
    scores: Scores
    repaired: dict[str, int]


def find_file(name: str, path: Path) -> Path:
    """The file itself, or the one of a known name in this folder. Raises DataError where there is none, or several."""
    if not path.is_dir():
        if not path.exists():
            raise DataError(f"{name}: there is no {path}")
        return path
    known = (*KNOWN_FILES[name], *MMSA_FILES)
    found = [
        path / folder / file
        for folder in FOLDERS
        for file in known
        if (path / folder / file).is_file()
    ]
    if not found:
        raise DataError(
            f"{path}: no {name} in this folder; expected {', '.join(known)}, or name the file: {name}:{path}/FILE.pkl"
        )
    if len(found) > 1:
        names = ", ".join(str(file.relative_to(path)) for file in found)
        raise DataError(
            f"{path}: {len(found)} versions of {name} ({names}); name the one to use: {name}:{found[0]}"
        )
    return found[0]


def read_parts(path: Path, wanted: Sequence[str]) -> dict[str, Part]:
    """Every split of a pickle, with these modalities. Raises DataError, without the file's name."""
    whole = read_pickle(path)
    tables = {split: _table(whole, split) for split in SPLITS}
    _refuse_too_large(tables, wanted)
    parts = {split: _part(table, wanted, split) for split, table in tables.items()}
    for m in wanted:
        shapes = {split: part.inputs[m].shape[1:] for split, part in parts.items()}
        if len(set(shapes.values())) > 1:
            raise DataError(
                f"{m!r} has samples of {shapes['train']} in train, {shapes['val']} in val, {shapes['test']} in test; expected one"
            )
    return parts


def _table(whole: object, split: str) -> Mapping[str, Any]:
    words = WORDS[split]
    if not isinstance(whole, dict):
        raise DataError(
            f"the pickle holds a {type(whole).__name__.lstrip('_')}; expected {{split: {{key: array}}}} as MulT and MMSA write it"
        )
    found = next((whole[word] for word in words if word in whole), None)
    if not isinstance(found, dict):
        keys = ", ".join(repr(key) for key in list(whole)[:5]) or "nothing"
        raise DataError(
            f"no split {words[0]!r} among {keys[:100]}; expected 'train', 'valid' and 'test', each {{key: array}}"
        )
    return found


def _refuse_too_large(tables: Mapping[str, Mapping[str, Any]], wanted: Sequence[str]) -> None:
    size = sum(
        4 * math.prod(_array(table, m, split).shape)
        for split, table in tables.items()
        for m in wanted
    )
    if size > MEMORY_LIMIT:
        raise DataError(
            f"{size / 2**30:.1f} GiB as float32, at most {MEMORY_LIMIT / 2**30:g} fit; choose fewer modalities"
        )


def _part(table: Mapping[str, Any], wanted: Sequence[str], split: str) -> Part:
    scores = _scores(table, split)
    inputs, repaired = {}, {}
    for m in wanted:
        inputs[m], repaired[m] = _features(table, m, split, len(scores))
    return Part(inputs, scores, repaired)


def _scores(table: Mapping[str, Any], split: str) -> Scores:
    key = next((key for key in SCORES if key in table), None)
    if key is None:
        raise DataError(
            f"{split} has {_keys(table)}; expected the scores under 'labels' (MulT) or 'regression_labels' (MMSA)"
        )
    given = _array(table, key, split)
    if (
        given.dtype.kind not in "fiu"
        or given.ndim == 0
        or not len(given)
        or given.size != len(given)
    ):
        raise DataError(
            f"{key!r} of {split} is {given.dtype} {given.shape}; expected one score for each utterance, (N,) or (N, 1, 1)"
        )
    scores = given.reshape(-1).astype(np.float32)
    if not np.isfinite(scores).all():
        raise DataError(
            f"{key!r} of {split} has {int((~np.isfinite(scores)).sum())} scores that are not numbers; drop these samples"
        )
    return scores


def _features(
    table: Mapping[str, Any], m: str, split: str, samples: int
) -> tuple[NDArray[np.float32], int]:
    """A modality as float32, with 0 in place of what is not finite, and how many such numbers there were.

    The voice of CMU-MOSEI (COVAREP) has minus infinity in it, as published.
    """
    given = _array(table, m, split)
    if (
        given.dtype.kind not in "fiu"
        or given.ndim not in (2, 3)
        or len(given) != samples
        or 0 in given.shape
    ):
        raise DataError(
            f"{m!r} of {split} is {given.dtype} {given.shape} for {samples} scores; expected numbers (N, T, F) or (N, D)"
        )
    with np.errstate(over="ignore"):
        values = given.astype(np.float32)
    strange = ~np.isfinite(values)
    values[strange] = 0
    return values, int(strange.sum())


def _array(table: Mapping[str, Any], key: str, split: str) -> NDArray[Any]:
    if key not in table:
        raise DataError(
            f"{split} has {_keys(table)}; expected {key!r}, or leave it out with data.options.modalities"
        )
    try:
        return np.asarray(table[key])
    except ValueError as error:
        raise DataError(
            f"{key!r} of {split} is a list of unequal lengths; expected one array: pad it with rows of zeros"
        ) from error


def _keys(table: Mapping[str, Any]) -> str:
    return ", ".join(repr(key) for key in list(table)[:12])[:150] or "no keys"
