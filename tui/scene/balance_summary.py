"""Who is ahead and who acts on it: the modalities side by side, and the modulators with their windows."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asgml.storage.format.events import Event
from asgml.storage.format.manifest import Manifest
from asgml.tui.scene.scene import Balance, MetricRow, Part


def balance_of(
    manifest: Manifest, rows: Sequence[MetricRow]
) -> tuple[tuple[Balance, ...], float, str]:
    """The balance panel's lines, the gap and the dominant modality ("" while nothing is known)."""
    last = {row.column: row.summary.last for row in rows}

    def value(name: str, modality: str) -> float:
        return last.get(f"{name}/{modality}", math.nan)

    names = (
        "probe_accuracy",
        "own_accuracy",
        "grad_norm",
        "grad_norm_after",
        "gain",
        "boost_scale",
        "discrepancy",
    )
    lines = tuple(
        Balance(modality, *(value(name, modality) for name in names))
        for modality in manifest.modalities
    )
    strength = _strength(manifest, value)
    ranked = [(number, modality) for modality, number in strength.items() if math.isfinite(number)]
    gap = last.get("utilization_gap", math.nan)
    if len(ranked) < 2:
        return lines, gap, ""
    if not math.isfinite(gap):
        gap = max(ranked)[0] - min(ranked)[0]
    return lines, gap, max(ranked)[1]


def _strength(manifest: Manifest, value: Callable[[str, str], float]) -> dict[str, float]:
    """What modalities are compared by: utilization, else probe accuracy, else the accuracy of their own logits."""
    for name in ("utilization", "probe_accuracy", "own_accuracy"):
        found = {modality: value(name, modality) for modality in manifest.modalities}
        if any(math.isfinite(number) for number in found.values()):
            return found
    return {}


def parts_of(manifest: Manifest, events: Sequence[Event], epoch: int) -> tuple[Part, ...]:
    """Every modulator with its window; what the trainer said last counts more than the plan."""
    return tuple(_part(record, events, epoch) for record in manifest.parts)


def _part(record: Mapping[str, Any], events: Sequence[Event], epoch: int) -> Part:
    name, window = str(record.get("name", "?")), record.get("window")
    first, last = window if window is not None else (0, None)
    end = math.inf if last is None or last < 0 else last  # -1: stays open
    said = _phase(name, events)
    return Part(
        name,
        str(record.get("summary", "")),
        first <= epoch <= end if said is None else said,
        _window_words(first, end),
    )


def _window_words(first: int, end: float) -> str:
    if end == math.inf:
        return "always" if first <= 0 else f"from epoch {first}"
    return f"epochs {first}–{end:.0f}"


def _phase(name: str, events: Sequence[Event]) -> bool | None:
    """What the trainer said last of this part's window."""
    for event in reversed(events):
        if event.kind != "phase":
            continue
        if event.get("part") == name and isinstance(event.get("open"), bool):
            return bool(event.get("open"))
        message = str(event.get("message", ""))
        if re.search(rf"\b{re.escape(name)} window (closed|open)", message):
            return "closed" not in message
    return None
