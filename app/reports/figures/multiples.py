"""Small multiples: one chart for each row, in it a curve for each modality (gain and boost)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgml.app.reports.content import Line, Part
from asgml.app.reports.figures.learning import draw_band
from asgml.app.reports.figures.style import (
    SOFT,
    modalities_of,
    modality_style,
    rows_to_show,
    shown,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 12
IN_A_LINE = 4
UNCHANGED = 1e-6


def gain_over_time(part: Part) -> Figure | None:
    """Draw the factor of each encoder's gradient, all methods together, over the epochs."""
    return _multiples(part, "gain", "Gain (×)")


def boost_over_time(part: Part) -> Figure | None:
    """Draw the boost's part of that factor, set by the probes, over the epochs."""
    return _multiples(part, "boost_scale", "Boost scale (×)")


def rows_changed(part: Part, column: str) -> list[str]:
    """Return the rows in which a factor leaves 1 anywhere, in the order of the plan."""
    moved = {line.row for line in part.curves.get(column, ()) if _moves(line)}
    return [row.label for row in part.rows if row.label in moved]


def rows_still(part: Part, column: str) -> list[str]:
    """Return the rows in which a factor was recorded and stayed at 1."""
    having = {line.row for line in part.curves.get(column, ())}
    moved = rows_changed(part, column)
    return [row.label for row in part.rows if row.label in having and row.label not in moved]


def _moves(line: Line) -> bool:
    return any(abs(value - 1) > UNCHANGED for value in line.mean)


def _multiples(part: Part, column: str, name: str) -> Figure | None:
    labels = rows_to_show(part, rows_changed(part, column), MOST)
    if not labels:
        return None
    from matplotlib.figure import Figure

    columns = min(IN_A_LINE, len(labels))
    rows = -(-len(labels) // columns)
    figure = Figure(
        figsize=(max(2.3 * columns, 3.4) + 0.9, 1.75 * rows + 0.5), layout="constrained"
    )
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    modalities = modalities_of(part)
    for axes, label in zip(grid.flat, labels, strict=False):
        axes.axhline(1, color=SOFT, linewidth=0.8)
        for line in part.curves[column]:
            if line.row == label and line.modality in modalities:
                colour = modality_style(modalities, line.modality)["color"]
                draw_band(axes, line, 1.0, colour, "-")
        axes.set_title(shown(label, 28))
        axes.tick_params(labelbottom=True)
    for axes in grid.flat[len(labels) :]:
        axes.set_visible(False)
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel(name, fontsize=9)
    known: dict[str, Any] = {}
    for axes in grid.flat[: len(labels)]:
        handles, names = axes.get_legend_handles_labels()
        known |= dict(zip(names, handles, strict=True))
    figure.legend(list(known.values()), [shown(each) for each in known], loc="outside right upper")
    return figure
