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

from core.data.base import DataError, Dataset, Split, read_options
from core.data.face import draw_faces
from core.data.normalise import measure, standardise
from core.data.signals import draw_heat, draw_movements, draw_pulses, draw_sentences, draw_voices

CLASSES = ("neutral", "happy", "sad", "fear", "disgust", "anger")
Draw = Callable[[NDArray[np.int64], float, np.random.Generator], NDArray[np.float32]]


@dataclass(frozen=True)
class Kind:
    """One kind of input: how it is drawn, and how hard it is unless an option says otherwise."""

    draw: Draw
    difficulty: float  # the fraction of samples that show a random class
    noise: float  # standard deviation of the noise added to every number, where a signal is about 1


KINDS = {
    "audio": Kind(draw_voices, 0.4, 0.5),
    "visual": Kind(draw_faces, 0.1, 0.12),
    "text": Kind(draw_sentences, 0.3, 0.5),
    "motion": Kind(draw_movements, 0.5, 1.0),
    "thermal": Kind(draw_heat, 0.3, 0.4),
    "pulse": Kind(draw_pulses, 0.5, 0.3),
}


@dataclass(frozen=True)
class SyntheticOptions:
    """`modalities`: how many of the six (2 to 6), or their names, or {name: kind} for several of one kind."""

    modalities: int | list[str] | dict[str, str] = 2
    difficulty: float | dict[str, float] = field(default_factory=dict)
    noise: float | dict[str, float] = field(default_factory=dict)
    redundancy: float = 0.0
    train: int = 800
    val: int = 200
    test: int = 400
    normalize: bool = True


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """The built-in data. Each modality has its own random numbers: adding one changes none of the others' drawings."""
    chosen = read_options(SyntheticOptions, options, spec)
    kinds = _kinds(chosen.modalities)
    difficulty = _per_modality("difficulty", chosen.difficulty, {m: kind.difficulty for m, kind in kinds.items()}, 1.0)
    noise = _per_modality("noise", chosen.noise, {m: kind.noise for m, kind in kinds.items()}, 100.0)
    if not 0 <= chosen.redundancy <= 1:
        raise DataError(f"synthetic: redundancy {chosen.redundancy!r} is not a number from 0 to 1")
    sizes = {"train": chosen.train, "val": chosen.val, "test": chosen.test}

    drawn = {}
    for place, (split, size) in enumerate(sizes.items()):
        labels = draw_labels(size, np.random.default_rng([seed, place]))
        shown = shown_classes(labels, difficulty, chosen.redundancy, [seed, place, 1])
        inputs = {m: kinds[m].draw(shown[m], noise[m], _stream([seed, place, 2], m)) for m in kinds}
        drawn[split] = (inputs, labels)

    train = drawn["train"][0]
    statistics = {m: measure(train[m], np.arange(len(train[m]))) for m in kinds} if chosen.normalize else {}
    splits = {
        split: Split(
            {m: torch.from_numpy(standardise(inputs[m], statistics.get(m))) for m in kinds}, torch.from_numpy(labels)
        )
        for split, (inputs, labels) in drawn.items()
    }
    info = {
        "source": "built-in, drawn from the seed",
        "seed": seed,
        "counts": sizes,
        "kinds": {m: _kind_name(kind) for m, kind in kinds.items()},
        "difficulty": difficulty,
        "noise": noise,
        "redundancy": chosen.redundancy,
        "normalisation": {m: found.as_json() for m, found in statistics.items()},
    }
    shapes = {m: tuple(splits["train"].inputs[m].shape[1:]) for m in kinds}
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
    if isinstance(modalities, int):
        modalities = list(KINDS)[:modalities]
    named = modalities if isinstance(modalities, dict) else {m: m for m in modalities}
    return {m: KINDS[kind] for m, kind in named.items()}


def _kind_name(kind: Kind) -> str:
    return next(name for name, known in KINDS.items() if known is kind)


def _per_modality(
    option: str, given: float | Mapping[str, float], usual: Mapping[str, float], most: float
) -> dict[str, float]:
    """One number a modality: the usual one, unless the option gives another for all or for this modality."""
    values = dict(usual)
    values.update(given if isinstance(given, Mapping) else {m: given for m in usual})
    return values
