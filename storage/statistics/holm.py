"""Holm's correction of the p values of one table."""

from __future__ import annotations

import math
from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float]:
    """Return the adjusted p values, in the order given.

    The i-th smallest of m (i from 0) is multiplied by m - i, is no smaller than those before it,
    and at most 1. NaN and None are no tests: they stay NaN and are not counted. Holm, A simple
    sequentially rejective multiple test procedure, Scand. J. Statist. 6, 1979.
    """
    known = sorted(
        (p, index) for index, p in enumerate(p_values) if p is not None and not math.isnan(p)
    )
    adjusted = [math.nan] * len(p_values)
    least = 0.0
    for rank, (p, index) in enumerate(known):
        least = max(least, min(1.0, p * (len(known) - rank)))
        adjusted[index] = least
    return adjusted
