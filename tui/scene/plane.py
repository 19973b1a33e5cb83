"""The plane of gradient balance and conflict: where each modality stands, and whence it came."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asgml.tui.plot.decimation import Floats
from asgml.tui.scene.run_data import TableSnapshot

CONFLICT = "conflict_cosine"
RECENT_ROWS = 20_000
"""Rows of `steps` that are looked at, the newest: conflict is measured in some of them."""
MOST_POINTS = 400


@dataclass(frozen=True)
class Trail:
    """One modality in the plane, the oldest point first, arrays of shape (points,).

    `balance`: log2 of its gradient norm over the mean of all modalities, 0 is the mean. `conflict`:
    cosine between the gradients of the joint loss and of the modality's own loss in its encoder;
    below 0 they conflict (Wei & Hu, MMPareto, ICML 2024).
    """

    modality: str
    steps: Floats
    balance: Floats
    conflict: Floats

    @property
    def conflicting(self) -> float:
        """Share of the points at which both losses conflict; NaN without a point."""
        return float(np.mean(self.conflict < 0)) if len(self.conflict) else math.nan


def measures_conflict(columns: Sequence[str] | frozenset[str]) -> bool:
    """Return True where a run has recorded a conflict by now."""
    return any(column.startswith(f"{CONFLICT}/") for column in columns)


def trails(table: TableSnapshot, modalities: Sequence[str]) -> tuple[Trail, ...]:
    """Return the newest points of each modality, from the table `steps`."""
    shares = _balance(table, modalities)
    return tuple(_trail(table, modality, shares[modality]) for modality in modalities)


def _balance(table: TableSnapshot, modalities: Sequence[str]) -> dict[str, Floats]:
    """Return log2 of the relative gradient of each: the recorded moving average, else by step."""
    recorded = {m: _newest(table, f"relative_gradient/{m}") for m in modalities}
    if all(len(values) and np.isfinite(values).any() for values in recorded.values()):
        shares = recorded
    else:
        norms = {m: _newest(table, f"grad_norm/{m}") for m in modalities}
        mean = sum(norms.values(), np.zeros(1)) / max(len(modalities), 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = {m: values / mean for m, values in norms.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        return {m: np.log2(values) for m, values in shares.items()}


def _trail(table: TableSnapshot, modality: str, balance: Floats) -> Trail:
    conflict, steps = _newest(table, f"{CONFLICT}/{modality}"), _newest(table, "step")
    if not len(conflict) or len(conflict) != len(balance):
        none = np.empty(0)
        return Trail(modality, none, none, none)
    # a gradient of length 0 has the balance -inf: it is drawn at the edge, not left out
    rows = np.flatnonzero(np.isfinite(conflict) & ~np.isnan(balance))[-MOST_POINTS:]
    return Trail(modality, steps[rows], balance[rows], conflict[rows])


def _newest(table: TableSnapshot, column: str) -> Floats:
    return table.column(column)[-RECENT_ROWS:]
