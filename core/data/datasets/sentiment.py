"""Sentiment: a score from -3 (negative) to 3 (positive), and the classes that papers make of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating[Any]]
LARGEST = 3.0


def keep_all(scores: Scores) -> NDArray[np.bool_]:
    return np.ones(len(scores), dtype=np.bool_)


@dataclass(frozen=True)
class SentimentTask:
    """The classes of a task: `label` makes them (N,) of scores (N,), `kept` masks those with one.

    A regression predicts the score itself; its classes are the signs.
    """

    classes: tuple[str, ...]
    label: Callable[[Scores], NDArray[np.int64]]
    kept: Callable[[Scores], NDArray[np.bool_]] = keep_all
    regression: bool = False


def sign(scores: Scores) -> NDArray[np.int64]:
    """Return 0 below zero, else 1."""
    return (scores >= 0).astype(np.int64)


def three(scores: Scores) -> NDArray[np.int64]:
    """Return 0 below -0.5, 2 above 0.5, else 1."""
    return (scores >= -0.5).astype(np.int64) + (scores > 0.5)


def seven(scores: Scores) -> NDArray[np.int64]:
    """Return the nearest whole number from -3 to 3, counted from 0.

    Halves go to the even one, as in MulT's code.
    """
    return np.rint(np.clip(scores, -LARGEST, LARGEST)).astype(np.int64) + int(LARGEST)


SIGNS = ("negative", "non-negative")
# acc2 is that of the OGM family (negative or not), acc2_nonzero that of MulT and MMSA, which leave
# the neutral out.
TASKS: Mapping[str, SentimentTask] = {
    "acc2": SentimentTask(SIGNS, sign),
    "acc2_nonzero": SentimentTask(("negative", "positive"), sign, lambda scores: scores != 0),
    "acc3": SentimentTask(("negative", "neutral", "positive"), three),
    "acc7": SentimentTask(("-3", "-2", "-1", "0", "1", "2", "3"), seven),
    "regression": SentimentTask(SIGNS, sign, regression=True),
}
