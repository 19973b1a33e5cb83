"""Sensitivity: what a setting does to the result, from rows that differ in its value alone."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asgml.app.reports.content import Part, Row
from asgml.app.reports.figures.style import COLOURS, DASHES, MARKERS, SOFT, shown
from asgml.app.reports.results import find_row, values_of
from asgml.app.reports.wording import metric_name, settings_text, unit_text
from asgml.storage.statistics.estimate import Estimate, estimate
from asgml.storage.statistics.words import scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEWEST = 3
"""Fewest values of a setting that make a curve."""
IN_A_LINE = 3


@dataclass(frozen=True)
class Curve:
    """The estimates of one setting's values, all else being equal; `fixed`: the other settings."""

    key: str
    fixed: str
    points: tuple[tuple[float, Estimate], ...]


def curves_of(part: Part) -> list[Curve]:
    """Return a curve for each setting that takes 3 numbers or more in rows otherwise alike."""
    found: dict[tuple[str, str], dict[float, Row]] = defaultdict(dict)
    for row in part.rows:
        for key, value in sorted(row.settings.items()):
            if _is_number(value):
                rest = {name: other for name, other in row.settings.items() if name != key}
                found[key, settings_text(rest)].setdefault(float(value), row)
    return [
        Curve(key, rest, tuple((value, _estimate(rows[value])) for value in sorted(rows)))
        for (key, rest), rows in sorted(found.items())
        if len(rows) >= FEWEST
    ]


def sensitivity(part: Part) -> Figure | None:
    """Draw the mean over the value of each such setting, with its 95 % interval."""
    curves = curves_of(part)
    keys = list(dict.fromkeys(curve.key for curve in curves))
    if not keys:
        return None
    from matplotlib.figure import Figure

    columns = min(IN_A_LINE, len(keys))
    rows = -(-len(keys) // columns)
    figure = Figure(figsize=(3.2 * columns + 0.6, 2.6 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, key in zip(grid.flat, keys, strict=False):
        _baseline(axes, part)
        own = [curve for curve in curves if curve.key == key]
        for index, curve in enumerate(own):
            _draw(axes, part, curve, index)
        axes.set_xlabel(shown(key))
        if len(own) > 1:
            axes.legend()
    for axes in grid.flat[len(keys) :]:
        axes.set_visible(False)
    grid[0][0].set_title((metric_name(part.metric) + unit_text(part.metric)).capitalize())
    return figure


def _draw(axes: Axes, part: Part, curve: Curve, index: int) -> None:
    factor, _ = scale_of(part.metric)
    known = [(value, found) for value, found in curve.points if found.n]
    x, y = [value for value, _ in known], [factor * found.mean for _, found in known]
    half = [
        0.0 if math.isnan(found.half_width) else factor * found.half_width for _, found in known
    ]
    axes.errorbar(
        x, y, yerr=half, color=COLOURS[index % len(COLOURS)], capsize=2.5, markersize=4,
        marker=MARKERS[index % len(MARKERS)], linestyle=DASHES[index % len(DASHES)],
        elinewidth=1, label=shown(curve.fixed or "all else equal"),
    )  # fmt: skip
    if len(x) > 1 and min(x) > 0 and max(x) / min(x) >= 50:
        axes.set_xscale("log")


def _baseline(axes: Axes, part: Part) -> None:
    """Draw the baseline's mean as a line, its interval as a band."""
    row = find_row(part, part.baseline)
    if row is None:
        return
    factor, _ = scale_of(part.metric)
    found = estimate(values_of(row).values())
    if found.n:
        axes.axhline(factor * found.mean, color=SOFT, linewidth=1, label=shown(row.label))
    if math.isfinite(found.low):
        axes.axhspan(factor * found.low, factor * found.high, color=SOFT, alpha=0.12, linewidth=0)


def _estimate(row: Row) -> Estimate:
    return estimate(values_of(row).values())


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
