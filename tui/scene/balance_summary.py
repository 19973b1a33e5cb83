"""The balance of a run: its modalities side by side, and its modulators with their windows."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from asgml.storage.format.events import Event
from asgml.storage.format.manifest import Manifest
from asgml.storage.read.probe_gap import gap_of
from asgml.tui.scene.balance import BalanceSummary, ModalityBalance, ModulatorStatus
from asgml.tui.scene.scene import MetricRow

_COLUMNS = (
    "probe_accuracy",
    "own_accuracy",
    "grad_norm",
    "grad_norm_after",
    "gain",
    "boost_scale",
    "discrepancy",
    "unimodal_reference",
)
"""Stored columns in the order of the fields of `ModalityBalance`, but for the last two."""
_INSIDE = ("val_probe_accuracy", "val_own_accuracy")
"""Columns that a modality alone is compared with: its encoder, without probes its own logits."""
_Lookup = Callable[[str, str], float]


def summarize_balance(
    manifest: Manifest,
    rows: Sequence[MetricRow],
    events: Sequence[Event],
    epoch: int,
    readings: int,
) -> BalanceSummary:
    """Return the balance from the newest values of all metrics and the events so far.

    `readings`: probe evaluations so far.
    """
    last = {row.column: row.summary.last for row in rows}

    def value(name: str, modality: str) -> float:
        return last.get(f"{name}/{modality}", math.nan)

    modalities = tuple(
        ModalityBalance(modality, *_numbers(modality, value), faults=_faults(modality, last))
        for modality in manifest.modalities
    )
    gap = gap_of(manifest, lambda column: last.get(column, math.nan), readings)
    return BalanceSummary(modalities, gap, modulator_status(manifest, events, epoch))


def noise_share(after: float, clean: float) -> float:
    """Return the share of noise in the squared norm of a gradient, from 0 to 1; NaN if unknown.

    Noise is nearly at right angles to a gradient of many numbers, so the squares add up.
    """
    if not (math.isfinite(after) and math.isfinite(clean) and after > 0):
        return math.nan
    return max(0.0, 1 - (clean / after) ** 2)


def _numbers(modality: str, value: _Lookup) -> list[float]:
    """Return the numbers of a modality in the order of the fields of `ModalityBalance`."""
    inside = _first_finite(value(name, modality) for name in _INSIDE)
    noise = noise_share(value("grad_norm_after", modality), value("grad_norm_clean", modality))
    return [*(value(name, modality) for name in _COLUMNS), inside, noise]


def _faults(modality: str, last: Mapping[str, float]) -> frozenset[str]:
    """Return the fields of `ModalityBalance` whose newest value was measured and is NaN."""
    names = zip(_COLUMNS, fields(ModalityBalance)[1:], strict=False)
    return frozenset(
        field.name for name, field in names if math.isnan(last.get(f"{name}/{modality}", 0.0))
    )


def _first_finite(values: Iterable[float]) -> float:
    return next((value for value in values if math.isfinite(value)), math.nan)


def modulator_status(
    manifest: Manifest, events: Sequence[Event], epoch: int
) -> tuple[ModulatorStatus, ...]:
    """Return every modulator with its window; the newest phase event counts more than the plan."""
    return tuple(_status(record, events, epoch) for record in manifest.parts)


def _status(record: Mapping[str, Any], events: Sequence[Event], epoch: int) -> ModulatorStatus:
    name, window = str(record.get("name", "?")), record.get("window")
    first, last = window if window is not None else (0, None)
    end = math.inf if last is None or last < 0 else last  # -1: stays open
    reported = _reported_open(name, events)
    is_open = first <= epoch <= end if reported is None else reported
    return ModulatorStatus(name, str(record.get("summary", "")), is_open, _window_text(first, end))


def _window_text(first: int, end: float) -> str:
    if end == math.inf:
        return "always" if first <= 0 else f"from epoch {first}"
    return f"epochs {first}–{end:.0f}"


def _reported_open(name: str, events: Sequence[Event]) -> bool | None:
    """Return True where the newest phase event of this modulator opened it, None without one."""
    for event in reversed(events):
        if event.kind != "phase":
            continue
        if event.get("part") == name and isinstance(event.get("open"), bool):
            return bool(event.get("open"))
        message = str(event.get("message", ""))
        if re.search(rf"\b{re.escape(name)} window (closed|open)", message):
            return "closed" not in message
    return None
