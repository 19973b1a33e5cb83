"""The built-in data: six emotions, heard in a voice and seen in a drawn face, drawn from the seed.

Nothing about the balance of a training is written into it. A voice is quick to learn and often
misleads; a face is slow to learn and seldom misleads. The training decides which of them a network
then uses.

The class that each modality shows is drawn so: every modality m of a sample has a number u_m,
uniform between 0 and 1, and where u_m < difficulty[m] it shows a random class (any of the six)
instead of the label. With probability `redundancy` all modalities of a sample share one number and
one random class, otherwise each has its own. So

    P(m shows a random class)  = difficulty[m]                        for any redundancy r
    P(m and k both do)         = r·min(d_m, d_k) + (1 − r)·d_m·d_k

With redundancy 0 the modalities err independently and a second one adds the most it can; with
redundancy 1 and equal difficulties they show the same class in every sample, and a second one adds
nothing but another view of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asgml.core.data.arrays.array_validation import check_name
from asgml.core.data.arrays.normalise import Statistics, fit_statistics, standardise
from asgml.core.data.base import SPLITS, Dataset, Split
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
MAX_SAMPLES = 100_000
Draw = Callable[[NDArray[np.int64], float, np.random.Generator], NDArray[np.float32]]


@dataclass(frozen=True)
class Kind:
    """One kind of input: its drawing function, and its difficulty and noise by default."""

    draw: Draw
    difficulty: float  # fraction of samples that show a random class
    noise: float  # standard deviation of the noise added to every number; a signal is about 1


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
    """Options of the built-in data.

    `modalities`: the number of kinds out of six, or their names, or {name: kind} for other names
    and several of one kind. `difficulty`: the fraction of samples that show a random class, for all
    modalities or {modality: fraction}. `noise`: standard deviation of the noise, likewise.
    `redundancy`: see the top of this file. `train`, `val`, `test`: numbers of samples.
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
            check_whole(split, getattr(self, split), len(CLASSES), MAX_SAMPLES)
        check_number("redundancy", self.redundancy, 0, 1)
        check_flag("normalize", self.normalize)


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """Return the built-in data. Adding a modality leaves the numbers of the others as they were."""
    chosen = read_options(SyntheticOptions, options, spec)
    kinds = _kinds(chosen.modalities)
    difficulties = {m: kind.difficulty for m, kind in kinds.items()}
    difficulty = per_modality("difficulty", chosen.difficulty, difficulties, 1)
    noises = {m: kind.noise for m, kind in kinds.items()}
    noise = per_modality("noise", chosen.noise, noises, 100)

    inputs, labels = {}, {}
    for number, split in enumerate(SPLITS):
        labels[split] = draw_labels(getattr(chosen, split), np.random.default_rng([seed, number]))
        shown = shown_classes(labels[split], difficulty, chosen.redundancy, [seed, number, 1])
        inputs[split] = {
            m: kinds[m].draw(shown[m], noise[m], _stream([seed, number, 2], m)) for m in kinds
        }
    statistics = _fit(inputs["train"]) if chosen.normalize else {}
    splits = {
        split: Split(_to_tensors(inputs[split], statistics), torch.from_numpy(labels[split]))
        for split in SPLITS
    }
    info = {
        "source": "built-in, drawn from the seed",
        "seed": seed,
        "counts": {split: len(labels[split]) for split in SPLITS},
        "class_counts": {split: np.bincount(labels[split]).tolist() for split in SPLITS},
        "kinds": {m: _kind_name(kind) for m, kind in kinds.items()},
        "difficulty": difficulty,
        "noise": noise,
        "redundancy": chosen.redundancy,
        "normalisation": {m: fitted.as_json() for m, fitted in statistics.items()},
    }
    shapes = {m: tuple(inputs["train"][m].shape[1:]) for m in kinds}
    return Dataset("synthetic", tuple(kinds), CLASSES, shapes, splits, info)


def draw_labels(size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return labels (size,), as many of each class as the size allows, shuffled."""
    return rng.permutation(np.arange(size, dtype=np.int64) % len(CLASSES))


def shown_classes(
    labels: NDArray[np.int64], difficulty: Mapping[str, float], redundancy: float, seed: list[int]
) -> dict[str, NDArray[np.int64]]:
    """Return the class that each modality shows in each sample, as at the top of this file."""
    n = len(labels)
    rng = np.random.default_rng(seed)
    shares = rng.random(n) < redundancy
    common_u, common_class = rng.random(n), rng.integers(0, len(CLASSES), n)
    shown = {}
    for modality, fraction in difficulty.items():
        stream = _stream(seed, modality)
        u = np.where(shares, common_u, stream.random(n))
        random_class = np.where(shares, common_class, stream.integers(0, len(CLASSES), n))
        shown[modality] = np.where(u < fraction, random_class, labels)
    return shown


def _stream(seed: list[int], modality: str) -> np.random.Generator:
    return np.random.default_rng([*seed, zlib.crc32(modality.encode())])


def _fit(train: Mapping[str, NDArray[np.float32]]) -> dict[str, Statistics]:
    return {m: fit_statistics(values, np.arange(len(values))) for m, values in train.items()}


def _to_tensors(
    inputs: Mapping[str, NDArray[np.float32]], statistics: Mapping[str, Statistics]
) -> dict[str, Tensor]:
    return {
        m: torch.from_numpy(standardise(values, statistics.get(m))) for m, values in inputs.items()
    }


def _kinds(modalities: int | list[str] | dict[str, str]) -> dict[str, Kind]:
    """Return the kind of each modality, in the order of the option."""
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
