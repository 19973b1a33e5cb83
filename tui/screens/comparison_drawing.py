"""From a comparison to the tables beside its charts; each is as high as its rows, where it can."""

from __future__ import annotations

from collections.abc import Sequence

from textual.screen import Screen

from asgml.tui.scene.comparison import Comparison
from asgml.tui.scene.comparison_view import ComparisonView
from asgml.tui.scene.panels import Panel
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.widgets.box import Box
from asgml.tui.widgets.comparison_chart import ComparisonGrid
from asgml.tui.widgets.comparison_tables import (
    settings_rows,
    statistics_rows,
    statistics_title,
    value_rows,
)
from asgml.tui.widgets.x_axis import x_text

_FRAME = 2
_LEAST_VALUES = 5
"""Rows of the values beneath a single chart, their heading among them."""
_MOST_BETWEEN = 11
"""Rows of the tables where settings and statistics stand side by side."""
_MOST_BENEATH = 10
"""Rows of the tables beneath a single chart."""


def draw_tables(
    screen: Screen[None], comparison: Comparison, panels: Sequence[Panel], view: ComparisonView
) -> None:
    """Draw the tables that are shown at this size."""
    _fit_heights(screen, comparison, view)
    _draw_settings(screen.query_one("#settings", Box), comparison)
    _draw_values(screen, comparison, panels, view)
    statistics = screen.query_one("#statistics", Box)
    if statistics.size.area:
        statistics.title = statistics_title(comparison)
        styles = app_of(screen.app).theme_styles
        statistics.show_box(statistics_rows(comparison, styles, *statistics.inner))


def _fit_heights(screen: Screen[None], comparison: Comparison, view: ComparisonView) -> None:
    """Give the settings no more rows than they have, the statistics at least one a subject."""
    subjects = len(comparison.subjects)
    of_settings, of_tables = None, None
    if screen.has_class("-wide"):
        of_settings = max(len(comparison.differing), 1) + 1 + _FRAME
    elif screen.has_class("-narrow") and not view.solo and not screen.has_class("-short"):
        least = 2 if view.cursor is None else _LEAST_VALUES
        of_tables = min(max(subjects, least) + _FRAME, _MOST_BENEATH)
    elif screen.has_class("-mid") and not view.solo and view.cursor is None:
        rows = max(len(comparison.differing) + 1, 2 * subjects)
        of_tables = min(rows + _FRAME, 6 if screen.has_class("-short") else _MOST_BETWEEN)
    screen.query_one("#settings").styles.height = of_settings
    screen.query_one("#tables").styles.height = of_tables


def _draw_settings(box: Box, comparison: Comparison) -> None:
    if box.size.area:
        box.show_box(settings_rows(comparison, box.theme_styles, box.inner[0]))


def _draw_values(
    screen: Screen[None], comparison: Comparison, panels: Sequence[Panel], view: ComparisonView
) -> None:
    """Draw the values, those of the selected chart first."""
    box, kept = screen.query_one("#values", Box), screen.query_one(ComparisonGrid).kept
    if not box.size.area:
        return
    cursor = None if view.cursor is None else x_text(view.cursor, view.axis)
    box.title = f"values at {cursor}" if cursor else "values, the newest"
    ordered = [*panels[view.selected :], *panels[: view.selected]]
    rows = value_rows(comparison, ordered, view, kept, box.theme_styles, box.inner[0])
    box.show_box(rows)
