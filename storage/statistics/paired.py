"""The paired difference of two rows of a table: interval, paired tests, detectable size."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from asgml.storage.statistics.estimate import SAME, Estimate, estimate
from asgml.storage.statistics.power import detectable_difference

FEWEST_FOR_RANKS = 6
"""With fewer pairs the two-sided Wilcoxon test cannot reach 5 %: its least p is 2 / 2**n."""
MOST_ENUMERATED = 13
DECIMALS = 9

Pair = TypeVar("Pair", bound=Hashable)
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairedDifference:
    """Ours minus the baseline over the n pairs that both have, in the unit of the values.

    NaN stands for what n pairs do not give; so do n pairs with one and the same difference, where
    the t-test is not defined. `detectable` is the smallest difference that these n pairs could have
    seen with 80 % power, by their own spread. `p_wilcoxon` is None below 6 differences that are
    not zero.
    """

    n: int
    mean: float
    std: float
    low: float
    high: float
    p_t: float
    p_wilcoxon: float | None
    detectable: float

    @property
    def half_width(self) -> float:
        """Half the width of the 95 % interval; NaN without one."""
        return (self.high - self.low) / 2

    @property
    def excludes_zero(self) -> bool:
        """True where the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


def paired_difference(
    ours: Mapping[Pair, float | None], baseline: Mapping[Pair, float | None]
) -> PairedDifference:
    """Return the difference over equal keys: the seed, or the seed and the split.

    A key that one side lacks, or has no finite number for, makes no pair.
    """
    differences = _differences(ours, baseline)
    found: Estimate = estimate(differences)
    return PairedDifference(
        n=found.n,
        mean=found.mean,
        std=found.std,
        low=found.low,
        high=found.high,
        p_t=_paired_t(differences) if found.std > 0 else math.nan,
        p_wilcoxon=exact_wilcoxon(differences),
        detectable=detectable_difference(found.n, found.std),
    )


def _differences(
    ours: Mapping[Pair, float | None], baseline: Mapping[Pair, float | None]
) -> Numbers:
    pairs = [(ours[key], baseline[key]) for key in ours if key in baseline]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    known = [(a, b) for a, b in known if math.isfinite(a) and math.isfinite(b)]
    # 0.71 - 0.70 and 0.72 - 0.71 are the same difference, and differ in their last bits
    return np.array([round(a - b, DECIMALS) for a, b in known], np.float64)


def _paired_t(differences: Numbers) -> float:
    from scipy.special import stdtr

    n = len(differences)
    t = differences.mean() / (differences.std(ddof=1) / math.sqrt(n))
    return float(2 * stdtr(n - 1, -abs(t)))


def exact_wilcoxon(differences: Numbers) -> float | None:
    """Return the two-sided p of Wilcoxon's signed-rank test; zeros are left out.

    Exact, with ties too, up to 13 differences; beyond, ties take the normal approximation. None
    below 6 differences.
    """
    known = differences[np.abs(differences) > SAME]
    if len(known) < FEWEST_FOR_RANKS:
        return None
    from scipy import stats

    if len(np.unique(np.abs(known))) == len(known):
        return float(stats.wilcoxon(known, method="exact").pvalue)
    if len(known) > MOST_ENUMERATED:
        return float(stats.wilcoxon(known).pvalue)
    enumerated = stats.permutation_test(
        (known,),
        _positive_rank_sum,
        permutation_type="samples",
        n_resamples=2 ** len(known),
        vectorized=True,
    )
    return float(enumerated.pvalue)


def _positive_rank_sum(differences: Numbers, axis: int) -> Numbers:
    from scipy.stats import rankdata

    ranks = rankdata(np.abs(differences), axis=axis)
    return np.asarray(np.where(differences > 0, ranks, 0.0).sum(axis=axis))
