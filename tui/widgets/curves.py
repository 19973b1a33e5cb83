"""The curves of a panel from the top down: smoothed ones, recorded values, those of another run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from asgml.tui.plot.band_envelope import BandCache
from asgml.tui.plot.decimation import Envelope, Floats
from asgml.tui.plot.envelope_cache import EnvelopeCache
from asgml.tui.plot.raster import Layers
from asgml.tui.plot.windows import Window
from asgml.tui.scene.panels import Line, Panel
from asgml.tui.scene.run_data import Overlay
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View

RAW, OVERLAY = 100, 200
"""Added to a line's colour: recorded values under the smoothed curve; the other run."""
_MOST_CACHES = 128
"""Envelopes of axes, smoothings and runs that were shown before are given up beyond so many."""


@dataclass(frozen=True)
class Curve:
    """One curve: the number of its style, its values, and the key its envelope is kept under.

    With `upper` it is the band between `y` and that.
    """

    style: int
    x: Floats
    y: Floats
    key: tuple[object, ...]
    upper: Floats | None = None


def curves_of(panel: Panel, scene: Scene, view: View) -> list[Curve]:
    """Return the curves that have values, the topmost first."""
    found = [_run_curves(line, scene, view) for line in panel.lines]
    top = [curves[0] for curves in found if curves]
    raw = [curve for curves in found for curve in curves[1:]]
    other = [_overlay_curves(line, scene.overlay, view) for line in panel.lines]
    return [*top, *raw, *chain.from_iterable(other)]


def _run_curves(line: Line, scene: Scene, view: View) -> list[Curve]:
    """Return the curve of a line, and under a smoothed one the recorded values."""
    table = scene.data.table(line.table)
    if line.column not in table:
        return []
    rows = table.measured(line.table, line.column)
    x, raw = scene.data.x(line.table, view.axis)[rows], table.column(line.column)[rows]
    if not len(raw):
        return []
    key = (scene.name, line.column, view.axis, table.signature)
    smooth = scene.data.smoothed.get(line.column)
    if smooth is None:
        return [Curve(line.colour, x, raw, (*key, None))]
    return [
        Curve(line.colour, x, smooth[rows], (*key, view.smoothing)),
        Curve(line.colour + RAW, x, raw, (*key, "raw")),
    ]


def _overlay_curves(line: Line, other: Overlay | None, view: View) -> list[Curve]:
    if other is None or line.column not in other.data.table(line.table):
        return []
    table = other.data.table(line.table)
    rows, raw = table.measured(line.table, line.column), table.column(line.column)
    x = other.data.x(line.table, view.axis)[rows]
    y = other.data.smoothed.get(line.column, raw)[rows]
    key = (other.name, line.column, view.axis, view.smoothing)
    return [Curve(line.colour + OVERLAY, x, y, key)]


class CurveEnvelopes:
    """The envelopes of a chart's curves, kept between frames."""

    def __init__(self) -> None:
        self._caches: dict[object, EnvelopeCache | BandCache] = {}
        self._order: list[object] = []

    def clear(self) -> None:
        """Forget all curves: another panel is shown."""
        self._caches.clear()

    def update(self, curves: Sequence[Curve], window: Window) -> tuple[Layers, int]:
        """Return each curve's style and envelope, and the first column that may have changed."""
        order: list[object] = [(curve.style, curve.key) for curve in curves]
        if len(self._caches) > _MOST_CACHES:
            self._caches.clear()
        layers = [(curve.style, self._envelope(curve, window)) for curve in curves]
        # Another order of layers changes cells far from the newest column.
        same, self._order = order == self._order, order
        changed = [self._caches[key].changed for key in order]
        return layers, min(changed, default=0) if same else 0

    def _envelope(self, curve: Curve, window: Window) -> Envelope:
        place = (curve.style, curve.key)
        if curve.upper is None:
            cache = self._caches.setdefault(place, EnvelopeCache())
            assert isinstance(cache, EnvelopeCache)
            return cache.update(curve.x, curve.y, window, curve.key)
        band = self._caches.setdefault(place, BandCache())
        assert isinstance(band, BandCache)
        return band.update(curve.x, curve.y, curve.upper, window, curve.key)
