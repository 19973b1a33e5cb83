"""The cells of the tables that `runs` and `show` print."""

from __future__ import annotations

import math
from typing import Any

STYLES = {
    "running": "green",
    "paused": "yellow",
    "failed": "red",
    "crashed": "red",
    "diverged": "red",
    "stale": "yellow",
    "finished": "blue",
}
"""Colour of a state; the others have none."""


def number(value: object) -> str:
    """Return a measured number in four significant digits, – where there is none."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else f"{value:.4g}"
    return "–" if value is None else str(value)


def of_total(done: int | None, total: int | None) -> str:
    """Return `3/50`, `3` where the total is not known, – where nothing is."""
    if done is None:
        return "–"
    return f"{done}/{total}" if total else str(done)


def shown_epoch(summary: dict[str, Any]) -> int | None:
    """Return the epoch counted from 1, as users count; 0 before the first step."""
    return summary["epoch"] + 1 if summary.get("step") else summary.get("epoch")


def last_value(metric: dict[str, Any] | None, beside: dict[str, Any] | None = None) -> str:
    """Return the last value of a metric's summary.

    Every step measures, so a NaN there is a finding; in the other tables it means not measured,
    but for a loss whose evaluation gave an accuracy, `beside`.
    """
    if metric is None or metric["last"] is None:
        return "–"
    accuracy = beside["last"] if beside is not None else None
    evaluated = accuracy is not None and math.isfinite(accuracy)
    seldom = metric["table"] != "steps" and not evaluated
    unmeasured = seldom and math.isnan(metric["last"])
    return "–" if unmeasured else number(metric["last"])
