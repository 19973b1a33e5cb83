"""Alert rules by their definitions, over whole series and without any memory: slow and plain."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from asgml.storage.alerts.rules import Rule


def holds_at(rule: Rule, values: Sequence[float], sign: int) -> list[bool]:
    """For each value whether the rule's condition holds there, judged by all values up to it.

    `sign` is 1 where high values are better.
    """
    return [_holds(rule, list(values[: end + 1]), sign) for end in range(len(values))]


def _holds(rule: Rule, values: list[float], sign: int) -> bool:
    if rule.kind == "nan":
        return any(not math.isfinite(value) for value in values)
    if rule.kind in ("threshold", "probe_gap"):
        beyond = [v > rule.above if rule.above is not None else v < rule.below for v in values]
        return len(values) >= rule.for_steps and all(beyond[-rule.for_steps :])
    if rule.kind == "plateau":
        return _values_since_best(values, rule.min_change, sign) >= rule.for_steps
    if rule.kind == "throughput":
        ends = range(len(values) - rule.for_steps, len(values))
        return ends[0] >= 0 and all(
            values[i] * (1 - rule.drop) > _usual_time(values[:i]) for i in ends
        )
    assert rule.kind == "diverging"
    ends = range(len(values) - rule.for_steps, len(values))
    return ends[0] >= 0 and all(_diverges(rule, values[: i + 1], sign) for i in ends)


def _values_since_best(values: list[float], least: float, sign: int) -> int:
    best, at = -math.inf, -1
    for index, value in enumerate(values):
        if sign * value > best + least:
            best, at = sign * value, index
    return len(values) - 1 - at


def _usual_time(before: list[float]) -> float:
    blocks = [before[i : i + 32] for i in range(0, len(before) - 31, 32)]
    return min((statistics.median(block) for block in blocks), default=math.inf)


def _diverges(rule: Rule, values: list[float], sign: int) -> bool:
    averages = []
    for index, value in enumerate(values):
        weight = 1 / min(index + 1, rule.smooth)
        before = averages[-1] if averages else 0.0
        averages.append(before + (value - before) * weight)
    known = averages[rule.smooth - 1 :]
    if not known:
        return False
    best, now = (max(known), known[-1]) if sign > 0 else (min(known), known[-1])
    good, bad = (best, now) if sign > 0 else (now, best)
    return 0 < rule.factor * bad < good
