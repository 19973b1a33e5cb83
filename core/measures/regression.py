"""Scores of predicted sentiment, from -3 to 3: how far off, how correlated, and how right as two or seven classes.

    MAE          mean |z - t|
    Corr         Pearson's correlation; NaN where outputs or targets are all the same
    F1           of negative and non-negative, the mean of both weighed by their number of samples (MMSA's Has0_F1_score)
    accuracy_7   how often both round to the same whole number from -3 to 3 (MulT's Acc-7)

The accuracy of two classes is the accuracy that every run records.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from asgml.core.data.datasets.sentiment import seven, sign

Values = NDArray[np.float64]
NAMES = ("mae", "corr", "f1", "accuracy_7")


def regression_scores(outputs: Values, targets: Values) -> dict[str, float]:
    """{name: score} of N outputs and targets; all NaN where one of them is no number."""
    if not (np.isfinite(outputs).all() and np.isfinite(targets).all()):
        return dict.fromkeys(NAMES, math.nan)
    return {
        "mae": float(np.abs(outputs - targets).mean()),
        "corr": pearson(outputs, targets),
        "f1": weighted_f1(outputs, targets),
        "accuracy_7": float((seven(outputs) == seven(targets)).mean()),
    }


def pearson(outputs: Values, targets: Values) -> float:
    if len(outputs) < 2 or np.ptp(outputs) == 0 or np.ptp(targets) == 0:
        return math.nan
    return float(np.corrcoef(outputs, targets)[0, 1])


def weighted_f1(outputs: Values, targets: Values) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(sign(targets), sign(outputs), average="weighted", zero_division=0.0))
