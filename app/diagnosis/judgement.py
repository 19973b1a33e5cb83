"""A judgement: whether one quantity lies above another over the seeds, or whether that is open."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from asgml.storage.statistics.paired import paired_difference

Outcome = Literal["above", "not above", "unclear"]
ERRORS = 2.0
"""Standard errors of the mean beyond which a difference counts."""
FEWEST_SEEDS = 3
"""With two, 2 standard errors are exceeded by chance three times in ten; with three, one in six."""
RULED_OUT = 0.05
"""A no needs the data to rule out a difference of 5 points: seeds that scatter say neither."""
MOST_SEEDS = 100


@dataclass(frozen=True)
class Judgement:
    """The mean of n paired differences, its standard error, and what follows.

    `least` is what a difference must exceed to matter. `needed`: seeds that would decide it if mean
    and spread stayed, None where it is decided, and where n tells no spread.
    """

    n: int
    mean: float
    error: float
    outcome: Outcome
    least: float = 0.0
    needed: int | None = None

    @property
    def above(self) -> bool:
        return self.outcome == "above"

    @property
    def ruled_out(self) -> bool:
        return self.outcome == "not above"


def judge(ours: Mapping[int, float], theirs: Mapping[int, float], least: float = 0.0) -> Judgement:
    """Return whether ours lies above theirs, paired by seed, both from 0 to 1.

    "above": by more than `least` and by more than 2 standard errors. "not above": the mean is not,
    and mean + 2 standard errors stay within 5 points. Everything else is "unclear", and so is
    everything with fewer than 3 seeds.
    """
    found = paired_difference(ours, theirs)
    error = found.std / math.sqrt(found.n) if found.n > 1 else math.nan
    outcome = _outcome(found.mean, error, least) if found.n >= FEWEST_SEEDS else "unclear"
    needed = _needed(found.n, found.mean, found.std, least) if outcome == "unclear" else None
    return Judgement(found.n, found.mean, error, outcome, least, needed)


def _outcome(mean: float, error: float, least: float) -> Outcome:
    if mean > ERRORS * error and mean > least:
        return "above"
    return "not above" if mean + ERRORS * error <= RULED_OUT else "unclear"


def _needed(n: int, mean: float, std: float, least: float) -> int | None:
    """Return the seeds of which 2 standard errors decide, one way or the other."""
    if n < 2 or math.isnan(std):
        return None
    if std == 0:
        return FEWEST_SEEDS
    roots = []
    if mean > least:
        roots.append(ERRORS * std / mean)
    if mean < RULED_OUT:
        roots.append(ERRORS * std / (RULED_OUT - mean))
    least_n = max(n + 1, FEWEST_SEEDS)
    seeds = [max(least_n, math.floor(root**2) + 1) for root in roots if root < MOST_SEEDS]
    fewest = min(seeds, default=MOST_SEEDS + 1)
    return fewest if fewest <= MOST_SEEDS else None
