"""Curves of all rows in one chart: learning curves, and the probe gap, each with its band."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgml.app.reports.content import Line, Part
from asgml.app.reports.figures.style import row_style, rows_to_show, shown
from asgml.app.reports.wording import metric_name
from asgml.storage.statistics.words import scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEARNING = ("val_accuracy", "val_mae", "train_accuracy", "train_loss")
"""Columns of learning curves: the first two that were recorded are drawn."""
GAP = "utilization_gap"


def learning_curves(part: Part) -> Figure | None:
    """Draw what validation saw, and the training beside it, over the epochs."""
    known = [column for column in LEARNING if part.curves.get(column)]
    return _side_by_side(part, known[:2])


def probe_gap(part: Part) -> Figure | None:
    """Draw how far the probes of the modalities lie apart, over the epochs."""
    return _side_by_side(part, [GAP] if part.curves.get(GAP) else [])


def rows_drawn(part: Part, columns: tuple[str, ...]) -> list[str]:
    """Return the labels of the rows that are drawn, in the order of the plan."""
    having = {line.row for column in columns for line in part.curves.get(column, ())}
    return rows_to_show(part, [row.label for row in part.rows if row.label in having])


def _side_by_side(part: Part, columns: list[str]) -> Figure | None:
    if not columns:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.1 * len(columns) + 1.2, 2.9), layout="constrained")
    labels = rows_drawn(part, tuple(columns))
    for index, column in enumerate(columns):
        axes = figure.add_subplot(1, len(columns), index + 1)
        _draw(axes, part, [line for line in part.curves[column] if line.row in labels], column)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, [shown(name) for name in names], loc="outside right upper")
    return figure


def _draw(axes: Axes, part: Part, lines: list[Line], column: str) -> None:
    factor, unit = scale_of(column)
    for line in lines:
        draw_band(axes, line, factor, **row_style(part, line.row))
    axes.set_title(metric_name(column).capitalize() + (" (%)" if unit else ""))
    axes.set_xlabel("epoch")


def draw_band(axes: Axes, line: Line, factor: float, color: str, linestyle: object) -> None:
    """Draw a mean with its band, one standard deviation to either side."""
    mean = [factor * value for value in line.mean]
    axes.plot(
        line.x, mean, color=color, linestyle=linestyle, label=_handle(line), solid_capstyle="round"
    )
    low, high = (
        [float("nan") if value is None else factor * value for value in side]
        for side in (line.low, line.high)
    )
    axes.fill_between(line.x, low, high, color=color, alpha=0.15, linewidth=0)


def _handle(line: Line) -> str:
    """Return the label; matplotlib hides one that begins with an underscore."""
    name = line.modality or line.row
    return f"\N{ZERO WIDTH SPACE}{name}" if name.startswith("_") else name
