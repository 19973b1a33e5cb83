"""Learning speeds and update periods of ASGML v1: who learns how fast, and who is therefore updated how often.

    G_m   = n_m / mean_j n_j                    n_m: moving average of the gradient norm of encoder m
    D_m   = |L_m(oldest) - L_m(newest)| / mean  over a window of own losses
    S_m   = beta * G_m + (1 - beta) * D_m       mean 1
    tau_m = clamp(tau_base * S_m, tau_min, tau_max)
    T_m   = min(round(tau_m), floor(kappa * min_j round(tau_j))), at least 1

All of it on the host, in float64: it is looked at once in some hundred steps. round() goes to the even neighbour, as in Python.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Numbers = Sequence[float]

SMALLEST_MEAN = 1e-8
"""Below this mean there is nothing to compare, and all modalities count as equally fast."""

SMALLEST_GAP = 0.1
"""A smaller difference between the best and the worst probe accuracy calls for no intervention (signal = probe)."""


def relative(values: Numbers) -> list[float]:
    """Each in units of the mean of all."""
    mean = sum(values) / len(values)
    return [1.0] * len(values) if mean < SMALLEST_MEAN else [value / mean for value in values]


def over_weakest(values: Numbers) -> list[float]:
    """Each in units of the smallest: the raw ratio r = n_dominant / n_weak, which normalising by the mean takes away."""
    least = min(values)
    return [1.0] * len(values) if least < SMALLEST_MEAN else [value / least for value in values]


def learning_speeds(norms: Numbers, descents: Numbers, beta: float) -> list[float]:
    """S_m."""
    return [
        beta * g + (1 - beta) * d for g, d in zip(relative(norms), relative(descents), strict=True)
    ]


def clamp(values: Numbers, least: float, most: float) -> list[float]:
    return [min(max(value, least), most) for value in values]


def periods(taus: Numbers, kappa: float) -> list[int]:
    """T_m: whole steps between updates, none more than kappa times the shortest."""
    rounded = [max(round(tau), 1) for tau in taus]
    most = math.floor(kappa * min(rounded))
    return [max(min(period, most), 1) for period in rounded]


def updates(step: int, period: Sequence[int], phase: int) -> list[bool]:
    """Which modalities are updated in this step, counted from 0; the i-th is `i * phase` steps ahead of the first."""
    return [(step + i * phase) % every == 0 for i, every in enumerate(period)]


def staleness_factor(staleness: float, decay: float) -> float:
    """1 / (1 + decay * staleness)."""
    return 1 / (1 + decay * staleness)
