"""A chart: the curves of one panel, with interventions, faults, a cursor and a legend."""

from __future__ import annotations

from rich.text import Text

from asgml.tui.plot.ranges import Range
from asgml.tui.scene.panels import Panel
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.widgets.axes import window_of
from asgml.tui.widgets.curves import RAW, Curve, curves_of
from asgml.tui.widgets.legend import legend, legend_entries, legend_values
from asgml.tui.widgets.mark_labels import placed_marks
from asgml.tui.widgets.plot_box import PlotBox
from asgml.tui.widgets.plot_content import Legend, PlotContent


class Chart(PlotBox):
    """One panel of a scene."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.panel: Panel | None = None
        self.values: dict[str, float | None] = {}

    def draw_panel(
        self, scene: Scene, panel: Panel, view: View, selected: bool, numbers: bool = True
    ) -> None:
        """Draw a panel of a scene as the view asks. Without `numbers` the legend stays as it is."""
        width, _ = self.plot_size
        if width < 4:
            return
        self.panel = panel
        curves = curves_of(panel, scene, view)
        window = window_of(scene, view, width * self.theme_styles.glyphs.across)
        known = tuple(line.column in scene.known for line in panel.lines)
        content = PlotContent(
            panel.title,
            panel.unit,
            view.log(panel.title, panel.log),
            curves,
            window,
            view.axis,
            view.cursor,
            (known, scene.history.marks),
            lambda span: self._legend(scene, panel, view, span),
            self._named(curves),
            placed_marks(scene.history.marks, scene.data, view.axis, window, self.theme_styles),
        )
        self.draw_content(content, selected, numbers)

    def clear(self) -> None:
        """Show nothing: this place of the grid has no panel."""
        self.panel = None
        super().clear()

    def _named(self, curves: list[Curve]) -> dict[int, str]:
        styles = self.theme_styles
        return {curve.style: styles.marker(curve.style) for curve in curves if curve.style < RAW}

    def _legend(self, scene: Scene, panel: Panel, view: View, span: Range) -> Legend:
        self.values = legend_values(panel, scene, view)
        entries = legend_entries(panel, scene, self.values, span, self.theme_styles)

        def text(room: int) -> Text:
            return legend(entries, view.cursor, view.axis, room, self.theme_styles)

        return Legend(entries, text)
