"""The look of all figures: colours that the colour-blind tell apart, files without a date."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from asgml.app.reports.content import Part
from asgml.app.reports.results import values_of
from asgml.storage.format.safe_text import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, SOFT, GRID, PAPER = "#1c2430", "#5b6675", "#d9dee5", "#ffffff"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7b61c4")
"""Okabe and Ito's colours without black and yellow, and a violet; told apart with every eye."""
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (5, 1.5, 1, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
MOST_ROWS = 8
"""Most rows in one figure of curves: more are a thicket."""
LONGEST = 34
RC: Any = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 9,
    "axes.titlesize": 9, "axes.labelsize": 9, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "legend.fontsize": 8, "legend.frameon": False, "legend.handlelength": 1.8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": SOFT,
    "axes.labelcolor": INK, "axes.titlecolor": INK, "axes.titlelocation": "left",
    "text.color": INK, "xtick.color": SOFT, "ytick.color": SOFT, "axes.linewidth": 0.7,
    "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.6, "axes.axisbelow": True,
    "lines.linewidth": 1.5, "figure.facecolor": PAPER, "axes.facecolor": "none",
    "savefig.facecolor": PAPER, "svg.fonttype": "none", "pdf.fonttype": 3,
    "text.parse_math": False, "axes.formatter.use_mathtext": False, "axes.unicode_minus": True,
}  # fmt: skip
METADATA: Mapping[str, Mapping[str, str | None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
DPI = 200
MARGIN = 0.08  # inches


def files_of(figure: Figure, name: str, kinds: Sequence[str]) -> dict[str, bytes]:
    """Return the figure as svg, png or pdf: the same bytes for the same figure."""
    import matplotlib

    with matplotlib.rc_context(RC | {"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # a box stands for it
        # laid out once for all kinds: that takes most of the time
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        box = figure.get_tightbbox().padded(MARGIN)
        return {kind: _bytes(figure, kind, box) for kind in kinds}


def _bytes(figure: Figure, kind: str, box: Any) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=DPI, bbox_inches=box, metadata=dict(METADATA[kind]))
    return content.getvalue()


def shown(text: object, longest: int = LONGEST) -> str:
    """Return untrusted text for a figure: one line, not too long."""
    line = one_line(text)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def row_style(part: Part, label: str) -> dict[str, Any]:
    """Return colour and dash of a row, the same in every figure; the baseline is grey."""
    others = [row.label for row in part.rows if row.label != part.baseline]
    if label not in others:
        return {"color": SOFT, "linestyle": "-"}
    index = others.index(label)
    dash = DASHES[index // len(COLOURS) % len(DASHES)]
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": dash}


def modality_style(modalities: list[str], modality: str) -> dict[str, Any]:
    """Return colour and marker of a modality, the same in every figure."""
    index = modalities.index(modality)
    colour = COLOURS[index % len(COLOURS)]
    return {"color": colour, "marker": MARKERS[index % len(MARKERS)]}


def modalities_of(part: Part) -> list[str]:
    """Return the modalities of all rows, in the order in which they appear."""
    return list(dict.fromkeys(name for row in part.rows for name in row.modalities))


def rows_to_show(part: Part, labels: list[str], most: int = MOST_ROWS) -> list[str]:
    """Return at most so many of these rows: the baseline, then those with the best means."""
    if len(labels) <= most:
        return labels
    means = {row.label: _mean(part, row.label) for row in part.rows}
    ranked = sorted(labels, key=lambda label: (label != part.baseline, -means[label]))
    kept = set(ranked[:most])
    return [label for label in labels if label in kept]


def _mean(part: Part, label: str) -> float:
    row = next(row for row in part.rows if row.label == label)
    known = list(values_of(row).values())
    sign = -1 if part.better == "low" else 1
    return sign * sum(known) / len(known) if known else float("-inf")
