"""All that one plot shows: its curves with their markers and textures, its window, its legend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.text import Text

from asgml.tui.plot.mark_placing import PlacedMark
from asgml.tui.plot.ranges import Range
from asgml.tui.plot.raster import SOLID, Textures
from asgml.tui.plot.windows import Window
from asgml.tui.widgets.curves import Curve


class Legend(NamedTuple):
    """The legend of a plot: a key that differs when it has changed, and its text for a room."""

    key: object
    text: Callable[[int], Text]


@dataclass(frozen=True)
class PlotContent:
    """All that one plot shows.

    `key` differs when anything has changed but curves, window, axis and cursor. `named` has the
    markers of curves by their style, `textures` those that are no solid line.
    """

    title: str
    unit: str
    log: bool
    curves: Sequence[Curve]
    window: Window
    axis: str
    cursor: float | None
    key: object
    legend: Callable[[Range], Legend]
    named: Mapping[int, str]
    marks: Sequence[PlacedMark] = ()
    textures: Textures = field(default_factory=lambda: SOLID)
