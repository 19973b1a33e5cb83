"""Words for statistics: a difference as a sentence that says no more than its interval."""

from __future__ import annotations

import math

from asgml.storage.statistics.estimate import Estimate
from asgml.storage.statistics.paired import PairedDifference

LEVEL = 0.05
DEFAULT = "test_accuracy_at_best_val"


def is_share(metric: str) -> bool:
    """Return True for a metric from 0 to 1 that is told in per cent: accuracies and F1."""
    return "accuracy" in metric or metric.endswith("f1") or "_f1_" in metric


def scale_of(metric: str) -> tuple[float, str]:
    """Return the factor and the unit in which values of a metric are told: 100 and "points"."""
    return (100.0, "points") if is_share(metric) else (1.0, "")


def mean_text(found: Estimate, metric: str) -> str:
    """Return "71.4 ± 1.7" (mean ± std); the mean alone of one value; "–" of none."""
    factor, _ = scale_of(metric)
    if found.n == 0:
        return "–"
    mean = amount(found.mean, metric)
    return mean if math.isnan(found.std) else f"{mean} ± {_plain(found.std * factor, metric)}"


def amount(value: float, metric: str) -> str:
    """Return a value in the unit it is told in: 71.4 for the accuracy 0.714."""
    return "–" if not math.isfinite(value) else _plain(value * scale_of(metric)[0], metric)


def interval_text(low: float, high: float, metric: str) -> str:
    """Return "69.3 to 73.5", "–" where there is no interval."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "–"
    return f"{amount(low, metric)} to {amount(high, metric)}".replace("-", "−")


def signed(value: float, metric: str) -> str:
    """Return a difference with its sign, "+2.3"."""
    if not math.isfinite(value):
        return "–"
    text = amount(abs(value), metric)
    return ("−" if value < 0 and float(text) else "+") + text


def sentence(
    found: PairedDifference,
    metric: str = DEFAULT,
    *,
    better: str = "high",
    p_holm: float = math.nan,
) -> str:
    """Return what these pairs show of a difference to the baseline, and no more.

    "better by 2.3 points (0.4 to 4.2)" only where the interval excludes zero; otherwise "no
    difference seen (+0.4 ±1.8)", which is not "equal", and what n pairs could have seen.
    """
    unit = _unit(metric)
    if found.n == 0:
        return "cannot tell: no seed in common"
    if found.n == 1:
        return f"{signed(found.mean, metric)}{unit} in one seed, no interval"
    if math.isnan(found.low):
        same = "the same values" if found.mean == 0 else f"{signed(found.mean, metric)}{unit}"
        return f"{same} in each of {found.n} seeds, no interval"
    if not found.excludes_zero:
        half = amount(found.half_width, metric)
        return f"no difference seen ({signed(found.mean, metric)} ±{half})"
    return _seen(found, metric, better) + _after_holm(p_holm)


def can_tell(found: PairedDifference, metric: str = DEFAULT) -> str:
    """Return "5 seeds can tell 2.1 points here"; "" where n pairs do not say."""
    if not math.isfinite(found.detectable):
        return ""
    return f"{found.n} seeds can tell {amount(found.detectable, metric)}{_unit(metric)} here"


def _seen(found: PairedDifference, metric: str, better: str) -> str:
    word = {True: "better", False: "worse"}[(found.mean > 0) == (better != "low")]
    if not better:
        word = "higher" if found.mean > 0 else "lower"
    ends = sorted((abs(found.low), abs(found.high)))
    size, (low, high) = amount(abs(found.mean), metric), (amount(end, metric) for end in ends)
    return f"{word} by {size}{_unit(metric)} ({low} to {high})"


def _after_holm(p_holm: float) -> str:
    """Return what is to be added where the correction for many rows takes the finding away."""
    if math.isnan(p_holm) or p_holm <= LEVEL:
        return ""
    return f", not after Holm's correction (p {p_holm:.2g})"


def _unit(metric: str) -> str:
    _, unit = scale_of(metric)
    return f" {unit}" if unit else ""


def _plain(value: float, metric: str) -> str:
    """Return points with one decimal, other values with three significant digits."""
    if is_share(metric):
        return f"{value:.1f}"
    return f"{value:.3f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.2e}"
