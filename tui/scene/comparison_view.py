"""The user's choices for the view of a comparison, beside those of any charts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from asgml.tui.scene.panels import Panel
from asgml.tui.scene.view_state import OF_SEVERAL, View

BANDS = {"std": "±std", "interval": "95 % interval", "none": "no band"}
"""What the band around the mean of a group shows."""


@dataclass
class ComparisonView(View):
    """`band` is a key of BANDS; `split`: a chart for each line; `hidden` has places of subjects."""

    axes: tuple[str, ...] = OF_SEVERAL
    band: str = "std"
    split: bool = False
    hidden: set[int] = field(default_factory=set)

    def next_band(self) -> None:
        """Choose the next kind of band."""
        names = list(BANDS)
        self.band = names[(names.index(self.band) + 1) % len(names)]

    def flip_hidden(self, place: int) -> None:
        """Hide the subject at this place, or show it again."""
        self.hidden ^= {place}

    def reset(self) -> None:
        super().reset()
        self.hidden.clear()

    def arranged(self, panels: list[Panel]) -> list[Panel]:
        """Return the panels to draw: these, or one for each of their lines."""
        if not self.split:
            return panels
        return [
            replace(panel, title=line.column, lines=(line,))
            for panel in panels
            for line in panel.lines
        ]
