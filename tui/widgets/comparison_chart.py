"""A chart of a comparison: one colour and letter for each subject, one texture for each line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from asgml.tui.plot.ranges import Range
from asgml.tui.scene.comparison import Comparison, has_ended, reach_of
from asgml.tui.scene.comparison_view import ComparisonView
from asgml.tui.scene.panels import Panel
from asgml.tui.scene.subject_curves import SubjectCurves
from asgml.tui.widgets.axes import window_over
from asgml.tui.widgets.comparison_curves import (
    Drawn,
    band_of,
    drawn_of,
    faults_of,
    has_band,
    legend,
    markers_of,
    mean_of,
    textures_of,
)
from asgml.tui.widgets.grid import PlotGrid
from asgml.tui.widgets.plot_box import PlotBox
from asgml.tui.widgets.plot_content import Legend, PlotContent


class ComparisonChart(PlotBox):
    """One panel of a comparison."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.panel: Panel | None = None
        self.drawn: list[Drawn] = []

    def draw_panel(
        self,
        comparison: Comparison,
        panel: Panel,
        view: ComparisonView,
        kept: SubjectCurves,
        selected: bool,
    ) -> None:
        """Draw a panel of a comparison as the view asks."""
        width, _ = self.plot_size
        if width < 4:
            return
        self.panel = panel
        subjects = comparison.shown(view.hidden)
        columns = width * self.theme_styles.glyphs.across
        window = window_over([reach_of(subjects, view.axis)], view, columns, has_ended(subjects))
        self.drawn = drawn_of(panel, subjects, view, kept, window)
        content = PlotContent(
            panel.title,
            panel.unit,
            view.log(panel.title, panel.log),
            [
                *map(mean_of, self.drawn),
                *map(band_of, filter(has_band, self.drawn)),
                *faults_of(self.drawn),
            ],
            window,
            view.axis,
            view.cursor,
            None,
            lambda span: self._legend(view, span),
            markers_of(self.drawn, self.theme_styles),
            textures=textures_of(self.drawn),
        )
        self.draw_content(content, selected)

    def clear(self) -> None:
        """Show nothing: this place of the grid has no panel."""
        self.panel = None
        super().clear()

    def _legend(self, view: ComparisonView, span: Range) -> Legend:
        values = tuple(drawn.curve.value(view.cursor) for drawn in self.drawn)

        def text(room: int) -> Text:
            return legend(self.drawn, values, span, view, room, self.theme_styles)

        # NaN is not equal to itself: a legend with one would be drawn in every frame
        return Legend((*map(str, values), span, *(drawn.style for drawn in self.drawn)), text)


class ComparisonGrid(PlotGrid):
    """The charts of a comparison."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.kept = SubjectCurves()

    def make_plot(self, id: str) -> PlotBox:
        return ComparisonChart(id=id)

    def show_comparison(
        self, comparison: Comparison, panels: Sequence[Panel], view: ComparisonView
    ) -> None:
        """Draw the page with the selected chart."""
        first = self.first_of_page(view.selected)
        charts = list(self.query(ComparisonChart).results(ComparisonChart))
        for number_, chart in enumerate((each for each in charts if each.display), first):
            if number_ < len(panels):
                selected = number_ == view.selected and len(panels) > 1 and not view.solo
                chart.draw_panel(comparison, panels[number_], view, self.kept, selected)
            else:
                chart.clear()
