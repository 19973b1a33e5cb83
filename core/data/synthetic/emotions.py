"""The built-in data: six emotions, heard in a voice and seen in a drawn face, made in memory in about a second.

Nothing about the balance of a training is written into it. A voice is quick to learn and often misleads; a face is slow
to learn and seldom misleads. Which of them a network then uses is left to the training.

What each sample shows follows one law. Every modality m of a sample has a luck u_m, uniform between 0 and 1, and where
u_m < difficulty[m] the modality shows a random class (any of the six) instead of the label. With probability
`redundancy` a sample has one luck and one random class that all its modalities share, otherwise each has its own. So

    P(m shows a random class)       = difficulty[m]                               whatever the redundancy is
    P(m and k both do)              = r·min(d_m, d_k) + (1 − r)·d_m·d_k

With redundancy 0 the modalities err independently and a second one adds the most it can; with redundancy 1 and equal
difficulties they show the same class in every sample, and a second one adds nothing but another view of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from asgml.core.data.array_validation import check_name
from asgml.core.data.base import SPLITS, Dataset, Split
from asgml.core.data.normalise import fit_statistics, standardise
from asgml.core.data.options import (
    check_flag,
    check_names,
    check_number,
    check_whole,
    per_modality,
    read_options,
)
from asgml.core.data.synthetic.face import draw_faces
from asgml.core.data.synthetic.signals import (
    draw_heat,
    draw_movements,
    draw_pulses,
    draw_sentences,
    draw_voices,
)

CLASSES = ("neutral", "happy", "sad", "fear", "disgust", "anger")
MOST_SAMPLES = 100_000
Draw = Callable[[NDArray[np.int64], float, np.random.Generator], NDArray[np.float32]]


@dataclass(frozen=True)
class Kind:
    """One kind of input: how it is drawn, and how hard it is unless an option says otherwise."""

    draw: Draw
    difficulty: float  # the fraction of samples that show a random class
    noise: float  # standard deviation of the noise added to every number, where a signal is about 1


KINDS = {
    "audio": Kind(draw_voices, 0.3, 0.1),
    "visual": Kind(draw_faces, 0.05, 0.2),
    "text": Kind(draw_sentences, 0.3, 0.3),
    "motion": Kind(draw_movements, 0.5, 1.0),
    "thermal": Kind(draw_heat, 0.2, 0.2),
    "pulse": Kind(draw_pulses, 0.6, 0.3),
}


@dataclass(frozen=True)
class SyntheticOptions:
    """What can be asked of the built-in data.

    `modalities`: how many of the six kinds, or which, or {name: kind} for names of one's own and several of one kind.
    `difficulty`: the fraction of samples that show a random class, for all modalities or {modality: fraction}.
    `noise`: standard deviation of the noise, likewise. `train`, `val`, `test`: how many samples.
    """

    modalities: int | list[str] | dict[str, str] = 2
    difficulty: float | dict[str, float] = field(default_factory=dict)
    noise: float | dict[str, float] = field(default_factory=dict)
    redundancy: float = 0.0
    train: int = 800
    val: int = 200
    test: int = 400
    normalize: bool = True

    def __post_init__(self) -> None:
        for split in SPLITS:
            check_whole(split, getattr(self, split), len(CLASSES), MOST_SAMPLES)
        check_number("redundancy", self.redundancy, 0, 1)
        check_flag("normalize", self.normalize)


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """The built-in data. Each modality has its own random numbers: adding one changes none of the others."""
    chosen = read_options(SyntheticOptions, options, spec)
    kinds = _kinds(chosen.modalities)
    difficulty = per_modality(
        "difficulty", chosen.difficulty, {m: kind.difficulty for m, kind in kinds.items()}, 1
    )
    noise = per_modality("noise", chosen.noise, {m: kind.noise for m, kind in kinds.items()}, 100)

    inputs, labels = {}, {}
    for place, split in enumerate(SPLITS):
        labels[split] = draw_labels(getattr(chosen, split), np.random.default_rng([seed, place]))
        shown = shown_classes(labels[split], difficulty, chosen.redundancy, [seed, place, 1])
        inputs[split] = {
            m: kinds[m].draw(shown[m], noise[m], _stream([seed, place, 2], m)) for m in kinds
        }

    train = inputs["train"]
    statistics = (
        {m: fit_statistics(train[m], np.arange(len(train[m]))) for m in kinds}
        if chosen.normalize
        else {}
    )
    splits = {}
    for split in SPLITS:
        tensors = {
            m: torch.from_numpy(standardise(inputs[split][m], statistics.get(m))) for m in kinds
        }
        splits[split] = Split(tensors, torch.from_numpy(labels[split]))
    info = {
        "source": "built-in, drawn from the seed",
        "seed": seed,
        "counts": {split: len(labels[split]) for split in SPLITS},
        "class_counts": {split: np.bincount(labels[split]).tolist() for split in SPLITS},
        "kinds": {m: _kind_name(kind) for m, kind in kinds.items()},
        "difficulty": difficulty,
        "noise": noise,
        "redundancy": chosen.redundancy,
        "normalisation": {m: found.as_json() for m, found in statistics.items()},
    }
    shapes = {m: tuple(train[m].shape[1:]) for m in kinds}
    return Dataset("synthetic", tuple(kinds), CLASSES, shapes, splits, info)


def draw_labels(size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """As many of each class as the size allows, shuffled."""
    return rng.permutation(np.arange(size, dtype=np.int64) % len(CLASSES))


def shown_classes(
    labels: NDArray[np.int64], difficulty: Mapping[str, float], redundancy: float, seed: list[int]
) -> dict[str, NDArray[np.int64]]:
    """The class each modality shows in each sample: the law at the top of this file."""
    n = len(labels)
    rng = np.random.default_rng(seed)
    shares = rng.random(n) < redundancy
    common_luck, common_class = rng.random(n), rng.integers(0, len(CLASSES), n)
    shown = {}
    for modality, part in difficulty.items():
        own = _stream(seed, modality)
        luck = np.where(shares, common_luck, own.random(n))
        random_class = np.where(shares, common_class, own.integers(0, len(CLASSES), n))
        shown[modality] = np.where(luck < part, random_class, labels)
    return shown


def _stream(seed: list[int], modality: str) -> np.random.Generator:
    return np.random.default_rng([*seed, zlib.crc32(modality.encode())])


def _kinds(modalities: int | list[str] | dict[str, str]) -> dict[str, Kind]:
    """The kind of each modality asked for, in the order asked for."""
    if isinstance(modalities, dict):
        check_names("modalities", list(dict.fromkeys(modalities.values())), list(KINDS))
        for name in modalities:
            check_name(name)
        return {name: KINDS[kind] for name, kind in modalities.items()}
    if isinstance(modalities, list | tuple):
        check_names("modalities", modalities, list(KINDS))
        return {name: KINDS[name] for name in modalities}
    check_whole("modalities", modalities, 1, len(KINDS))
    return {name: KINDS[name] for name in list(KINDS)[:modalities]}


def _kind_name(kind: Kind) -> str:
    return next(name for name, known in KINDS.items() if known is kind)
