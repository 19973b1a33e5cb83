"""The curves and gradient norms of a row, read from its runs and averaged over them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from asgml.app.reports.content import Line, Strength
from asgml.storage.statistics.curves import mean_band
from asgml.storage.statistics.run_curves import curve_of

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

WHOLE = ("val_accuracy", "val_mae", "train_accuracy", "train_loss")
GAP = "utilization_gap"
BY_MODALITY = ("gain", "boost_scale")
POINTS = 80
DIGITS = 6
"""Significant digits of a curve in a report: more than a figure shows, less than a run holds."""
BEFORE, AFTER, AFTER_WITH_NOISE = "grad_norm", "grad_norm_clean", "grad_norm_after"


def lines_of(label: str, runs: Sequence[Run], modalities: Sequence[str]) -> dict[str, list[Line]]:
    """Return column → its curves over the epochs, one or one for each modality."""
    asked = [(column, "") for column in WHOLE]
    asked += [(GAP, "")] if len(modalities) > 1 else []  # one modality has no gap
    asked += [(column, modality) for column in BY_MODALITY for modality in modalities]
    found: dict[str, list[Line]] = {}
    for column, modality in asked:
        line = _line(label, runs, column, modality)
        if line is not None:
            found.setdefault(column, []).append(line)
    return found


def strengths_of(label: str, runs: Sequence[Run], modalities: Sequence[str]) -> list[Strength]:
    """Return the mean gradient norms of each modality before and after modulation.

    After it without the noise that a method added, where a run records that.
    """
    found = []
    for modality in modalities if len(modalities) > 1 else ():  # one alone has no balance
        pairs = [pair for run in runs if (pair := _norms(run, modality)) is not None]
        if pairs:
            before, after = zip(*pairs, strict=True)
            found.append(Strength(label, modality, before, after))
    return found


def _line(label: str, runs: Sequence[Run], column: str, modality: str) -> Line | None:
    name = f"{column}/{modality}" if modality else column
    curves = [curve for run in runs if (curve := curve_of(run, name)) is not None]
    if not curves:
        return None
    band = mean_band(curves, POINTS)
    x, mean = _rounded(band.x), _rounded(band.mean)
    return Line(label, modality, x, mean, _known(band.low), _known(band.high), int(band.n.max()))


def _norms(run: Run, modality: str) -> tuple[float, float] | None:
    columns = run.columns("steps")
    after = f"{AFTER}/{modality}" if f"{AFTER}/{modality}" in columns else None
    after = after or f"{AFTER_WITH_NOISE}/{modality}"
    if f"{BEFORE}/{modality}" not in columns or after not in columns:
        return None
    current = run.current_rows("steps")
    norms = [run.column("steps", name)[current] for name in (f"{BEFORE}/{modality}", after)]
    known = np.isfinite(norms[0]) & np.isfinite(norms[1])
    if not known.any():
        return None
    before, after_it = (float(f"{norm[known].mean():.{DIGITS}g}") for norm in norms)
    return before, after_it


def _rounded(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in values.tolist())


def _known(values: np.ndarray) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else value for value in _rounded(values))
