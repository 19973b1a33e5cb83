"""All figures of a report, in the order in which a reader meets them, with their captions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asgml.app.reports.content import Part, Report
from asgml.app.reports.figures.captions import caption_of
from asgml.app.reports.figures.critical import critical_difference
from asgml.app.reports.figures.differences import differences
from asgml.app.reports.figures.learning import learning_curves, probe_gap
from asgml.app.reports.figures.multiples import boost_over_time, gain_over_time
from asgml.app.reports.figures.sensitivity import sensitivity
from asgml.app.reports.figures.spectrum import gradient_spectrum
from asgml.app.reports.figures.style import RC, files_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("svg", "png", "pdf")
WHOLE = -1
"""Index of the figures that belong to the whole report."""
FIGURES: dict[str, Callable[[Part], Figure | None]] = {
    "differences": differences,
    "learning": learning_curves,
    "gap": probe_gap,
    "spectrum": gradient_spectrum,
    "gain": gain_over_time,
    "boost": boost_over_time,
    "sensitivity": sensitivity,
}


@dataclass(frozen=True)
class Picture:
    """A figure as files: `part` is the index of its part, WHOLE for the report's own."""

    name: str
    part: int
    caption: str
    files: dict[str, bytes]  # svg, png, pdf


def pictures_of(report: Report, kinds: Sequence[str] = KINDS) -> list[Picture]:
    """Return every figure that the report's data gives. Raise ImportError without matplotlib."""
    import matplotlib

    with matplotlib.rc_context(RC):
        return [
            Picture(name, part, caption, files_of(figure, name, kinds))
            for name, part, caption, figure in _figures(report)
        ]


def _figures(report: Report) -> Iterator[tuple[str, int, str, Figure]]:
    """Yield name, part, caption and figure."""
    figure = critical_difference(report)
    if figure is not None:
        yield "critical-difference", WHOLE, caption_of("critical", None), figure
    for index, part in enumerate(report.parts):
        for name, draw in FIGURES.items():
            figure = draw(part)
            if figure is not None:
                stem = name if len(report.parts) == 1 else f"{index + 1}-{name}"
                yield stem, index, caption_of(name, part), figure
