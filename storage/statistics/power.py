"""Power: the smallest difference that n pairs can tell, and the pairs that a difference needs."""

from __future__ import annotations

import functools
import math

from asgml.storage.statistics.estimate import t_quantile

POWER = 0.8
"""Probability that a paired t-test at 5 % finds a difference of the detectable size."""
MOST_PAIRS = 1000
MOST_NONCENTRAL = 20.0
"""Two pairs need 16.4, more pairs less; the distribution is not computed far beyond."""


def detectable_difference(n: int, std: float) -> float:
    """Return the smallest mean difference that n pairs tell with 80 % power, two-sided at 5 %.

    `std` is the standard deviation of the differences. NaN where n < 2 or there is no spread.
    """
    if n < 2 or not std > 0:
        return math.nan
    return _noncentrality(n) * std / math.sqrt(n)


def pairs_needed(difference: float, std: float) -> int | None:
    """Return the least n of which `difference` is detectable; None beyond 1000, or for no number.

    Cohen, Statistical Power Analysis, 2nd ed. 1988, chapter 2: solved here, not read from a table.
    """
    size = abs(difference)
    if not (size > 0 and std > 0 and math.isfinite(size) and math.isfinite(std)):
        return None
    low, high = 2, MOST_PAIRS
    if detectable_difference(high, std) > size:
        return None
    while low < high:
        middle = (low + high) // 2
        if detectable_difference(middle, std) <= size:
            high = middle
        else:
            low = middle + 1
    return low


def power_of(n: int, noncentrality: float) -> float:
    """Return the power of the two-sided t-test of n pairs at this noncentrality, at least 0.

    Findings of the other sign are not counted: none finds the difference that is there.
    """
    from scipy.special import nctdtr

    return float(1 - nctdtr(n - 1, noncentrality, t_quantile(n - 1)))


@functools.cache
def _noncentrality(n: int) -> float:
    """Return the noncentrality at which n pairs have 80 % power."""
    from scipy.optimize import brentq

    return float(brentq(lambda given: power_of(n, given) - POWER, 0.0, MOST_NONCENTRAL, xtol=1e-10))
