"""The user's choices for the view: axis, zoom, cursor, filter. They change nothing in the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

AXES = {
    "step": "step",
    "epoch": "epoch",
    "wall_time": "wall time",
    "active_time": "active time",
}
OF_ONE_RUN = ("step", "wall_time", "active_time")
OF_SEVERAL = ("step", "epoch", "active_time")
"""The x axes of one run, and of several: those that two trainings have in common."""
SMOOTHINGS = (0.0, 0.6, 0.9, 0.97, 0.99, 0.997)
SMOOTHING = 0.9
"""The weight that charts begin with."""
MOST_ZOOM = 14
"""The most halvings of the x axis."""


class Extent(NamedTuple):
    """The first and the last x of all data, and whether no more will come."""

    first: float
    last: float
    ended: bool


@dataclass
class View:
    """The state of the view.

    `start` is where a held window begins, None while it follows the newest data; `flipped` has the
    titles of panels whose y scale the user has switched.
    """

    axis: str = "step"
    smoothing: float = SMOOTHING
    zoom: int = 0
    start: float | None = None
    cursor: float | None = None
    selected: int = 0
    solo: bool = False
    filter_text: str = ""
    frozen: bool = False
    flipped: set[str] = field(default_factory=set)
    axes: tuple[str, ...] = OF_ONE_RUN
    _held: Extent | None = field(default=None, init=False, repr=False, compare=False)

    def measure(self, found: Extent) -> Extent:
        """Return what the width of the window is measured by: these data, or those it was held at.

        A held window then stays as it is while data arrive.
        """
        if self.start is None:
            self._held = None
            return found
        self._held = self._held or found
        return self._held

    def next_axis(self) -> None:
        """Choose the next x axis; zoom and cursor are given up, they stand on the old one."""
        self.axis = self.axes[(self.axes.index(self.axis) + 1) % len(self.axes)]
        self.zoom, self.start, self.cursor, self._held = 0, None, None, None

    def smooth(self, steps: int) -> float:
        """Choose a stronger or weaker smoothing, so many places further, and return its weight."""
        distances = [abs(weight - self.smoothing) for weight in SMOOTHINGS]
        place = distances.index(min(distances)) + steps
        self.smoothing = SMOOTHINGS[min(max(place, 0), len(SMOOTHINGS) - 1)]
        return self.smoothing

    def reset(self) -> None:
        """Show everything again: no zoom, cursor, filter or switched scales."""
        self.zoom, self.start, self.cursor, self.filter_text = 0, None, None, ""
        self.flipped.clear()

    def flip_log(self, title: str) -> None:
        """Switch the y scale of a panel between linear and logarithmic."""
        self.flipped ^= {title}

    def log(self, title: str, usual: bool) -> bool:
        """Return True where the y scale of a panel is logarithmic; `usual`: before any switch."""
        return usual != (title in self.flipped)
