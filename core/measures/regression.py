"""Scores of predicted sentiment, z against the target t, both from -3 to 3.

    mae          mean |z - t|
    corr         Pearson's correlation; NaN where outputs or targets are all the same
    f1           F1 of negative and of non-negative, averaged by their number of samples
                 (MMSA's Has0_F1_score)
    accuracy_7   share of samples where both round to the same whole number from -3 to 3
                 (MulT's Acc-7)

The accuracy of two classes is the `accuracy` that every run records.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from asgml.core.data.datasets.sentiment import seven, sign

Values = NDArray[np.float64]
NAMES = ("mae", "corr", "f1", "accuracy_7")


def regression_scores(outputs: Values, targets: Values) -> dict[str, float]:
    """Return {name: score} of N outputs and targets; all NaN where one of them is not finite."""
    if not (np.isfinite(outputs).all() and np.isfinite(targets).all()):
        return dict.fromkeys(NAMES, math.nan)
    return {
        "mae": float(np.abs(outputs - targets).mean()),
        "corr": pearson(outputs, targets),
        "f1": weighted_f1(outputs, targets),
        "accuracy_7": float((seven(outputs) == seven(targets)).mean()),
    }


def pearson(outputs: Values, targets: Values) -> float:
    """Return Pearson's correlation; NaN for fewer than two samples or constant values."""
    # np.corrcoef would divide by a standard deviation of 0 here, and warn.
    if len(outputs) < 2 or np.ptp(outputs) == 0 or np.ptp(targets) == 0:
        return math.nan
    return float(np.corrcoef(outputs, targets)[0, 1])


def weighted_f1(outputs: Values, targets: Values) -> float:
    """Return the F1 of the two signs, averaged with their number of samples as weights."""
    # Imported here: scikit-learn takes over a second to import, and only regressions need it.
    from sklearn.metrics import f1_score

    return float(f1_score(sign(targets), sign(outputs), average="weighted", zero_division=0.0))
