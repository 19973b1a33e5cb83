"""Sentiment: a score from -3 (negative) to 3 (positive) for each utterance, and the classes that papers make of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating[Any]]
LARGEST = 3.0


@dataclass(frozen=True)
class Task:
    """`label` makes classes (N,) of scores (N,); `kept` tells which scores have one. A regression predicts the score itself."""

    classes: tuple[str, ...]
    label: Callable[[Scores], NDArray[np.int64]]
    kept: Callable[[Scores], NDArray[np.bool_]] = lambda scores: np.ones(
        len(scores), dtype=np.bool_
    )
    regression: bool = False


def sign(scores: Scores) -> NDArray[np.int64]:
    """0 below zero, else 1."""
    return (scores >= 0).astype(np.int64)


def three(scores: Scores) -> NDArray[np.int64]:
    """0 below -0.5, 2 above 0.5, else 1."""
    return (scores >= -0.5).astype(np.int64) + (scores > 0.5)


def seven(scores: Scores) -> NDArray[np.int64]:
    """The nearest whole number from -3 to 3, counted from 0; halves go to the even one, as in MulT's code."""
    return np.rint(np.clip(scores, -LARGEST, LARGEST)).astype(np.int64) + int(LARGEST)


SIGNS = ("negative", "non-negative")
TASKS: Mapping[str, Task] = {
    "acc2": Task(SIGNS, sign),
    "acc2_nonzero": Task(("negative", "positive"), sign, lambda scores: scores != 0),
    "acc3": Task(("negative", "neutral", "positive"), three),
    "acc7": Task(("-3", "-2", "-1", "0", "1", "2", "3"), seven),
    "regression": Task(SIGNS, sign, regression=True),
}
"""acc2 is that of the OGM family (negative or not), acc2_nonzero that of MulT and MMSA, which leave the neutral out."""
