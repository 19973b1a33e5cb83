"""The differences of all rows to the baseline: the mean, its interval, and every seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from asgml.app.reports.content import Part
from asgml.app.reports.figures.style import COLOURS, INK, SOFT, shown
from asgml.app.reports.results import find_row, is_ahead, results_of, values_of
from asgml.app.reports.wording import metric_name
from asgml.storage.statistics.result_table import ResultRow
from asgml.storage.statistics.words import scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def differences(part: Part) -> Figure | None:
    """Draw each row's mean difference; a line is its 95 % interval, a dot a seed."""
    rows = results_of(part).rows
    results = [each for each in rows if each.difference and each.difference.n]
    if not results:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 0.3 * len(results) + 0.9), layout="constrained")
    axes = figure.add_subplot()
    axes.axvline(0, color=SOFT, linewidth=1)
    for place, result in enumerate(results):
        _draw(axes, part, result, place)
    axes.set_yticks(range(len(results)), [shown(each.label) for each in results])
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
    axes.grid(axis="y", visible=False)
    axes.set_ylim(len(results) - 0.4, -0.6)
    unit = scale_of(part.metric)[1]
    axes.set_xlabel(f"difference to {shown(part.baseline)}" + (f" ({unit})" if unit else ""))
    axes.set_title(metric_name(part.metric).capitalize())
    return figure


def _draw(axes: Axes, part: Part, result: ResultRow, place: int) -> None:
    found, row = result.difference, find_row(part, result.label)
    baseline = find_row(part, part.baseline)
    assert found is not None and row is not None and baseline is not None
    factor, _ = scale_of(part.metric)
    ours, theirs = values_of(row), values_of(baseline)
    dots = [factor * (ours[seed] - theirs[seed]) for seed in ours if seed in theirs]
    axes.plot(dots, [place + 0.2] * len(dots), ".", color=SOFT, markersize=4, alpha=0.8)
    colour = _colour(part, result)
    if math.isfinite(found.low):
        axes.plot(
            [factor * found.low, factor * found.high],
            [place, place],
            color=colour,
            linewidth=2,
            solid_capstyle="butt",
        )
    axes.plot(factor * found.mean, place, "o", color=colour, markersize=5.5)


def _colour(part: Part, result: ResultRow) -> str:
    """Return blue for better, vermilion for worse, grey where the interval holds zero."""
    found = result.difference
    if found is None or not found.excludes_zero:
        return SOFT
    return COLOURS[0] if is_ahead(found, part.better) else COLOURS[1]
