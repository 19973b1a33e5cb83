"""An estimate: n, mean, standard deviation and 95 % t-interval of a metric over seeds."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
"""Confidence of every interval."""
SAME = 1e-9
"""Values that lie closer than this are the same: differences of accuracies carry rounding."""


@dataclass(frozen=True)
class Estimate:
    """What n values tell of their mean, in the unit of the values.

    `std` has n - 1 in its denominator. NaN stands for what n values do not give: a mean of none,
    spread and interval of one. Values without spread give no interval either: a zero width would
    claim a certainty that so few equal numbers do not give.
    """

    n: int
    mean: float
    std: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the width of the interval; NaN without one."""
        return (self.high - self.low) / 2


def estimate(values: Iterable[float | None]) -> Estimate:
    """Return the estimate of the mean of these values.

    None, NaN and infinite values are missing ones: they are left out, never counted as zero.
    """
    known = finite(values)
    n = len(known)
    if n == 0:
        return Estimate(0, math.nan, math.nan, math.nan, math.nan)
    mean = float(known.mean())
    if n == 1:
        return Estimate(1, mean, math.nan, math.nan, math.nan)
    if np.ptp(known) <= SAME:
        return Estimate(n, mean, 0.0, math.nan, math.nan)
    std = float(known.std(ddof=1))
    half = t_quantile(n - 1) * std / math.sqrt(n)
    return Estimate(n, mean, std, mean - half, mean + half)


def finite(values: Iterable[float | None]) -> npt.NDArray[np.float64]:
    """Return the values that are finite numbers, in their order."""
    known = [float(value) for value in values if value is not None]
    numbers = np.asarray(known, np.float64)
    return numbers[np.isfinite(numbers)]


@functools.cache
def t_quantile(freedom: int) -> float:
    """Return the two-sided 95 % quantile of Student's t with so many degrees of freedom."""
    # scipy.special holds what scipy.stats computes with, and takes less time to import
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))
