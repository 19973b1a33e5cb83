"""Which curves a panel draws, from the top down: the smoothed ones, what was recorded, and another run beneath."""

from __future__ import annotations

from dataclasses import dataclass

from asgml.tui.plot.envelopes import Floats
from asgml.tui.scene.panels import Line, Panel
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View

DIM, OVERLAY = 100, 200
"""Added to a line's colour: raw values under the smoothed curve; the other run."""


@dataclass(frozen=True)
class Curve:
    """One curve: the number of its style, its values, and the key its envelope is kept under."""

    style: int
    x: Floats
    y: Floats
    key: tuple[object, ...]


def curves_of(panel: Panel, scene: Scene, view: View) -> list[Curve]:
    top, beneath, other = [], [], []
    for line in panel.lines:
        cut = scene.data.table(line.table)
        if line.column in cut:
            x, raw = scene.data.x(line.table, view.axis), cut.column(line.column)
            smooth = scene.data.smoothed.get(line.column)
            key = (scene.name, line.column, view.axis, cut.signature)
            top.append(
                Curve(
                    line.colour,
                    x,
                    raw if smooth is None else smooth,
                    (*key, None if smooth is None else view.smoothing),
                )
            )
            if smooth is not None:
                beneath.append(Curve(line.colour + DIM, x, raw, (*key, "raw")))
        other += _other_curve(line, scene, view)
    return [*top, *beneath, *other]


def _other_curve(line: Line, scene: Scene, view: View) -> list[Curve]:
    other = scene.overlay
    if other is None or line.column not in other.data.table(line.table):
        return []
    raw = other.data.table(line.table).column(line.column)
    key = (other.name, line.column, view.axis, view.smoothing)
    return [
        Curve(
            line.colour + OVERLAY,
            other.data.x(line.table, view.axis),
            other.data.smoothed.get(line.column, raw),
            key,
        )
    ]
