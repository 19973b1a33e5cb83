"""The curves of a chart that compares: whose they are, their markers, textures and legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.tui.plot.ranges import Range
from asgml.tui.plot.textures import LINES, Texture
from asgml.tui.plot.windows import Window
from asgml.tui.scene.comparison import MOST, Subject
from asgml.tui.scene.comparison_view import ComparisonView
from asgml.tui.scene.panels import Line, Panel
from asgml.tui.scene.subject_curves import SubjectCurve, SubjectCurves
from asgml.tui.terminal.measured_text import measured_style
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.axes import shown_value
from asgml.tui.widgets.curves import RAW, Curve
from asgml.tui.widgets.x_axis import x_text

_MOST_LINES = RAW // MOST
"""Lines of one chart that have a style number of their own."""


class Drawn(NamedTuple):
    """One curve of a chart: whose it is, its line and its place among the lines."""

    subject: Subject
    line: Line
    place: int
    curve: SubjectCurve

    @property
    def style(self) -> int:
        """The number of its style: colours repeat after the most subjects."""
        return self.place % _MOST_LINES * MOST + self.subject.place


def drawn_of(
    panel: Panel,
    subjects: Sequence[Subject],
    view: ComparisonView,
    kept: SubjectCurves,
    window: Window,
) -> list[Drawn]:
    """Return the curves of a panel, the topmost first: line by line, each of all subjects."""
    found = [
        (subject, line, place)
        for line, place in zip(panel.lines, places_of(panel.lines), strict=True)
        for subject in subjects
    ]
    curves = [kept.curve(subject, line, view, window) for subject, line, _ in found]
    return [
        Drawn(*each, curve) for each, curve in zip(found, curves, strict=True) if curve is not None
    ]


def places_of(lines: Sequence[Line]) -> list[int]:
    """Return the place of each line: that of its modality, or its position where two would meet."""
    places = [line.colour for line in lines] if len(lines) > 1 else [0]
    return places if len(set(places)) == len(lines) else list(range(len(lines)))


def markers_of(drawn: Sequence[Drawn], styles: Styles) -> dict[int, str]:
    """Return the marker of each curve: the subject's letter, and the line's sign among several."""
    several = len({each.place for each in drawn}) > 1
    return {
        each.style: each.subject.letter + (line_sign(each.place, styles) if several else "")
        for each in drawn
    }


def line_sign(place: int, styles: Styles) -> str:
    """Return the sign of a line of a panel, the same for all subjects."""
    return styles.marker(place)


def textures_of(drawn: Sequence[Drawn]) -> dict[int, Texture]:
    """Return the texture of each line, and of the bands."""
    lines: dict[int, Texture] = {each.style: LINES[each.place % len(LINES)] for each in drawn}
    return lines | {RAW + each.style: "band" for each in drawn if has_band(each)}


def legend(
    drawn: Sequence[Drawn],
    values: Sequence[float | None],
    span: Range,
    view: ComparisonView,
    room: int,
    styles: Styles,
) -> Text:
    """Return the values of all curves, else the signs of the lines, whichever fits into `room`."""
    lines = {each.place: each.line.label for each in drawn}
    entries = [
        _entry(each, value, len(lines) > 1, span, styles)
        for each, value in zip(drawn, values, strict=True)
    ]
    values_alone = Text(" ").join(entries)
    forms = [values_alone]
    if view.cursor is not None:
        place = f"  @ {x_text(view.cursor, view.axis)}"
        forms.insert(0, values_alone.copy().append(place, styles.strong))
    if len(lines) > 1:
        signs = "  ".join(f"{line_sign(place, styles)} {safe(n)}" for place, n in lines.items())
        forms.append(Text(signs, styles.muted))
    return next((form for form in forms if form.cell_len <= room), Text(""))


def _entry(each: Drawn, value: float | None, several: bool, span: Range, styles: Styles) -> Text:
    sign = line_sign(each.place, styles) if several else ""
    style = styles.curve(each.subject.place)
    text = Text(f"{each.subject.letter}{sign} ", style)
    return text.append(shown_value(value, span, styles), measured_style(value, styles, style))


def mean_of(each: Drawn) -> Curve:
    return Curve(each.style, each.curve.x, each.curve.y, each.curve.key)


def faults_of(drawn: Sequence[Drawn]) -> list[Curve]:
    """Return curves without a number, for the signs of faults that means pass over."""
    return [
        Curve(each.style, places, np.full(len(places), np.nan), (*each.curve.key, "faults"))
        for each in drawn
        if (places := each.curve.faults) is not None and len(places)
    ]


def has_band(each: Drawn) -> bool:
    return each.curve.low is not None


def band_of(each: Drawn) -> Curve:
    curve = each.curve
    assert curve.low is not None
    return Curve(RAW + each.style, curve.x, curve.low, (*curve.key, "band"), curve.high)
