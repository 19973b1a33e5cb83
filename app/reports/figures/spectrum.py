"""The gradient spectrum: what a method makes of each modality's gradient, from recorded norms.

To the left the mean norm before and after modulation; to the right the factor between them, below
one where the gradient is throttled, above one where it is boosted.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING

from asgml.app.reports.content import Part, Strength
from asgml.app.reports.figures.style import (
    GRID,
    INK,
    SOFT,
    modalities_of,
    modality_style,
    rows_to_show,
    shown,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 10


def gradient_spectrum(part: Part) -> Figure | None:
    """Draw the spectrum of every row, modality by modality."""
    having = {strength.row for strength in part.spectrum}
    labels = [row.label for row in part.rows if row.label in having]
    labels = rows_to_show(part, labels, MOST)
    bars = [each for label in labels for each in part.spectrum if each.row == label]
    if not bars:
        return None
    from matplotlib.figure import Figure

    places = _places(bars)
    figure = Figure(figsize=(8.6, 0.32 * (max(places) + 1) + 1.0), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.25, 1))
    modalities = modalities_of(part)
    for place, bar in zip(places, bars, strict=True):
        colour = modality_style(modalities, bar.modality)["color"]
        _norms(left, place, bar, colour)
        _factor(right, place, bar, colour)
    _label_rows(left, places, bars)
    left.set_title("Gradient norm: before (light), after (dark)")
    left.set_xlim(left=0)
    right.set_title("Throttled  ◂  ×1  ▸  boosted")
    _factor_axis(right, bars)
    return figure


def factor_of(bar: Strength) -> list[float]:
    """Return after over before, run by run; a run without any gradient is left out."""
    return [
        after / before
        for before, after in zip(bar.before, bar.after, strict=True)
        if before > 0 and math.isfinite(after / before)
    ]


def _places(bars: list[Strength]) -> list[float]:
    """Return the y of each bar, with a gap between rows."""
    places: list[float] = []
    for index, bar in enumerate(bars):
        step = 0.0 if not index else 1.0 if bars[index - 1].row == bar.row else 1.7
        places.append((places[-1] if places else 0.0) + step)
    return places


def _norms(axes: Axes, place: float, bar: Strength, colour: str) -> None:
    before, after = fmean(bar.before), fmean(bar.after)
    axes.barh(place, before, height=0.78, color=colour, alpha=0.25, linewidth=0)
    axes.barh(place, after, height=0.4, color=colour, linewidth=0)


def _factor(axes: Axes, place: float, bar: Strength, colour: str) -> None:
    factors = [max(each, 2.0**-8) for each in factor_of(bar)]
    if not factors:
        return
    mean = math.exp(fmean(map(math.log, factors)))
    axes.barh(place, math.log2(mean), height=0.62, color=colour, linewidth=0)
    for each in factors:
        axes.plot(math.log2(each), place, ".", color=INK, markersize=2.6, alpha=0.7)
    axes.annotate(
        f"×{mean:.2f}",
        (math.log2(max(mean, *factors) if mean >= 1 else min(mean, *factors)), place),
        xytext=(5 if mean >= 1 else -5, 0),
        textcoords="offset points",
        va="center",
        ha="left" if mean >= 1 else "right",
        fontsize=8,
        color=INK,
    )


def _label_rows(axes: Axes, places: list[float], bars: list[Strength]) -> None:
    axes.set_yticks(places, [shown(bar.modality, 14) for bar in bars])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set_ylim(max(places) + 0.7, -0.7)
    for row in dict.fromkeys(bar.row for bar in bars):
        own = [place for place, bar in zip(places, bars, strict=True) if bar.row == row]
        axes.annotate(
            shown(row, 30),
            (0, fmean(own)),
            xycoords=axes.get_yaxis_transform(),
            xytext=(-62, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontweight="bold",
        )


def _factor_axis(axes: Axes, bars: list[Strength]) -> None:
    logs = [math.log2(max(each, 2.0**-8)) for bar in bars for each in factor_of(bar)]
    reach = max([1.0, *(abs(each) for each in logs)]) * 1.6
    axes.axvline(0, color=SOFT, linewidth=1)
    axes.set_xlim(-reach, reach)
    step = max(1, math.ceil(reach / 3))
    ticks = [tick for tick in range(-8 * step, 8 * step + 1, step) if abs(tick) < reach]
    axes.set_xticks(ticks, [f"×{2.0**tick:g}" for tick in ticks])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=GRID)
