"""The critical-difference diagram: mean ranks over data sets, with those that do not differ joined.

Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, 2006.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from asgml.app.reports.content import Report
from asgml.app.reports.figures.style import INK, SOFT, shown
from asgml.app.reports.ranking import ranking_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from asgml.storage.statistics.ranks import Ranking


def critical_difference(report: Report) -> Figure | None:
    """Draw the ranking of the rows; None where there are too few data sets or rows."""
    ranking = ranking_of(report)
    if ranking is None:
        return None
    from matplotlib.figure import Figure

    ranks = list(ranking.ranks.items())
    half = (len(ranks) + 1) // 2
    height = 0.24 * half + 0.13 * len(ranking.groups) + 1.0
    figure = Figure(figsize=(7.6, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axis_off()
    last = len(ranks)
    axes.set_xlim(last + 0.6 * last / 4, 1 - 0.6 * last / 4)  # rank 1, the best, to the right
    below = 0.35 + 0.22 * len(ranking.groups)
    axes.set_ylim(-(below + 0.4 * half + 0.1), 1.1)
    _scale(axes, last)
    _reach(axes, ranking, last)
    for index, group in enumerate(ranking.groups):
        values = [ranking.ranks[label] for label in group]
        y = -0.2 - 0.22 * index
        axes.plot([min(values) - 0.04, max(values) + 0.04], [y, y], color=INK, linewidth=3.2)
    for index, (label, rank) in enumerate(ranks):
        right = index < half
        depth = below + 0.4 * (index if right else len(ranks) - 1 - index)
        _label(axes, label, rank, depth, right, last)
    return figure


def _scale(axes: Axes, last: int) -> None:
    axes.plot([1, last], [0, 0], color=INK, linewidth=1)
    for rank in range(1, last + 1):
        axes.plot([rank, rank], [0, 0.1], color=INK, linewidth=1)
        axes.text(rank, 0.16, str(rank), ha="center", va="bottom", fontsize=8)


def _reach(axes: Axes, ranking: Ranking, last: int) -> None:
    """Draw the critical difference as a length above the scale."""
    size = ranking.critical_difference
    if not math.isfinite(size):
        return
    axes.plot([1, 1 + size], [0.75, 0.75], color=SOFT, linewidth=1.2, marker="|", markersize=6)
    text = f"critical difference {size:.2f}"
    axes.text(1 + size / 2, 0.83, text, ha="center", va="bottom", fontsize=8, color=SOFT)


def _label(axes: Axes, label: str, rank: float, depth: float, right: bool, last: int) -> None:
    edge = 1 - 0.08 * last / 4 if right else last + 0.08 * last / 4
    axes.plot([rank, rank, edge], [0, -depth, -depth], color=SOFT, linewidth=0.8)
    text = f"{shown(label, 26)}  {rank:.2f}"
    axes.annotate(
        text,
        (edge, -depth),
        xytext=(4 if right else -4, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        fontsize=8.5,
    )
