"""The captions: what a figure shows, how to read it, and what it leaves out."""

from __future__ import annotations

from asgml.app.reports.content import Part
from asgml.app.reports.figures.learning import GAP, LEARNING, rows_drawn
from asgml.app.reports.figures.multiples import rows_still
from asgml.app.reports.wording import listed

BAND = "Line: mean over seeds; band: one standard deviation to either side."
CAPTIONS = {
    "critical": "Mean ranks of the rows over the data sets; rank 1 is best. A thick line joins "
    "rows whose ranks lie closer than the critical difference (Nemenyi, 5 %): no difference was "
    "seen.",
    "differences": "Difference of every row to the baseline. Large dot: mean over the seeds in "
    "common; line: its 95 % interval; small dots: the seeds. Grey: the interval holds zero.",
    "learning": f"Learning curves. {BAND}",
    "gap": f"Probe gap: largest minus smallest utilization, 0 is balanced. {BAND}",
    "spectrum": "Gradient spectrum, from the recorded norms: mean over all steps of the norm of "
    "each encoder's gradient before and after modulation, and the factor between the two. Small "
    "dots: the seeds.",
    "gain": f"Gain: the factor of each encoder's gradient, all methods together. {BAND}",
    "boost": f"Boost scale: the part of the gain that the probes set. {BAND}",
    "sensitivity": "Sensitivity: mean and 95 % interval over the value of one setting, all else "
    "equal. Grey: the baseline and its interval.",
}


def caption_of(name: str, part: Part | None) -> str:
    """Return the caption of a figure, with the rows that it leaves out."""
    return " ".join(filter(None, (CAPTIONS[name], _left_out(name, part) if part else "")))


def _left_out(name: str, part: Part) -> str:
    columns = {"learning": LEARNING, "gap": (GAP,)}.get(name)
    if columns:
        having = {line.row for column in columns for line in part.curves.get(column, ())}
        drawn = rows_drawn(part, columns)
        if len(drawn) < len(having):
            return (
                f"{len(drawn)} of {len(having)} rows: the baseline and those with the best means."
            )
    column = {"gain": "gain", "boost": "boost_scale"}.get(name)
    still = rows_still(part, column) if column else []
    return f"Not drawn, for it stays at 1: {listed(still)}." if still else ""
