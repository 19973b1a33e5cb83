"""Ranks of methods over several data sets: Friedman's test and Nemenyi's critical difference.

Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, 2006.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

FEWEST_SETS = 4
"""With fewer data sets the critical difference is wider than ranks can differ."""
FEWEST_METHODS = 3
LEVEL = 0.05


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of methods over n data sets, best first; rank 1 is best, ties share theirs.

    `groups`: the widest sets of neighbours that differ by less than `critical_difference`, two
    methods or more each. `p`: of Friedman's test that all methods are alike. Both p and critical
    difference are NaN below 4 data sets or 3 methods. `left_out`: methods that not every set has.
    """

    n: int
    ranks: Mapping[str, float]
    p: float
    critical_difference: float
    groups: tuple[tuple[str, ...], ...] = ()
    left_out: tuple[str, ...] = ()


def rank_methods(
    results: Mapping[str, Mapping[str, float | None]], *, better: str = "high"
) -> Ranking:
    """Return the ranking of results[data set][method].

    A method without a finite number on one of the sets is left out, and named.
    """
    names = list(dict.fromkeys(name for row in results.values() for name in row))
    kept = [name for name in names if all(_is_known(row.get(name)) for row in results.values())]
    left_out = tuple(name for name in names if name not in kept)
    if not results or not kept:
        return Ranking(len(results), {}, math.nan, math.nan, (), left_out)
    table = np.array([[row[name] for name in kept] for row in results.values()], np.float64)
    means = _mean_ranks(-table if better == "high" else table)
    order = np.argsort(means, kind="stable")
    ranks = {kept[index]: float(means[index]) for index in order}
    tested = len(results) >= FEWEST_SETS and len(kept) >= FEWEST_METHODS
    critical = critical_difference(len(kept), len(results)) if tested else math.nan
    p = _friedman(table) if tested else math.nan
    return Ranking(len(results), ranks, p, critical, _groups(ranks, critical), left_out)


def critical_difference(methods: int, sets: int) -> float:
    """Return Nemenyi's critical difference of mean ranks at 5 %.

    The quantile of the studentized range with infinite degrees of freedom, over the square root of
    2, times sqrt(k (k + 1) / (6 N)) (Demšar, section 3.2.2).
    """
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(1 - LEVEL, methods, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(methods * (methods + 1) / (6 * sets))


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _mean_ranks(table: np.ndarray) -> np.ndarray:
    """Return the mean rank of each column; the lowest value of a row has rank 1."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(np.round(table, 9), axis=1).mean(axis=0))


def _friedman(table: np.ndarray) -> float:
    """Return the p of Friedman's test; 1 where all methods tie on every set."""
    from scipy.stats import friedmanchisquare

    rounded = np.round(table, 9)
    if np.all(np.ptp(rounded, axis=1) == 0):
        return 1.0
    return float(friedmanchisquare(*rounded.T).pvalue)


def _groups(ranks: Mapping[str, float], critical: float) -> tuple[tuple[str, ...], ...]:
    """Return the widest runs of neighbours within the critical difference, longest reach only."""
    names, values = list(ranks), list(ranks.values())
    found: list[tuple[str, ...]] = []
    reached = 0
    for first, value in enumerate(values):
        after = first + sum(other - value < critical for other in values[first:])
        if after - first > 1 and after > reached:
            found.append(tuple(names[first:after]))
            reached = after
    return tuple(found)
