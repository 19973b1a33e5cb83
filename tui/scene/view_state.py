"""What a person has chosen to look at: axis, zoom, cursor, filter. It changes nothing in the run."""

from __future__ import annotations

from dataclasses import dataclass, field

AXES = {"step": "step", "wall_time": "wall time", "active_time": "active time"}
SMOOTHINGS = (0.0, 0.6, 0.9, 0.97, 0.99, 0.997)
MOST_ZOOM = 14


@dataclass
class View:
    """The state of the screen. `start` is None while the window follows the newest data."""

    axis: str = "step"
    smoothing: float = 0.9
    zoom: int = 0
    start: float | None = None
    cursor: float | None = None
    selected: int = 0
    solo: bool = False
    filter_text: str = ""
    frozen: bool = False
    flipped: set[str] = field(default_factory=set)
    """Titles of panels whose y scale was switched by hand."""

    def next_axis(self) -> None:
        names = list(AXES)
        self.axis = names[(names.index(self.axis) + 1) % len(names)]
        self.zoom, self.start, self.cursor = 0, None, None

    def smooth(self, steps: int) -> float:
        place = min(
            range(len(SMOOTHINGS)), key=lambda index: abs(SMOOTHINGS[index] - self.smoothing)
        )
        self.smoothing = SMOOTHINGS[min(max(place + steps, 0), len(SMOOTHINGS) - 1)]
        return self.smoothing

    def reset(self) -> None:
        self.zoom, self.start, self.cursor, self.filter_text = 0, None, None, ""
        self.flipped.clear()

    def flip_log(self, title: str) -> None:
        self.flipped ^= {title}

    def log(self, title: str, usual: bool) -> bool:
        return usual != (title in self.flipped)
