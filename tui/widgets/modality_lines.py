"""The line of one modality in the balance panel: its numbers, and a bar of its gain."""

from __future__ import annotations

import math
from functools import partial

from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import number
from asgml.tui.scene.balance import ModalityBalance
from asgml.tui.terminal.format import clip, fit, shorten
from asgml.tui.terminal.measured_text import measured_text
from asgml.tui.terminal.theme import Styles

WIDE = 92
"""Cells from which all numbers stand under headings."""
_NAME, _NARROW_NAME = 10, 8
_COLUMNS = (
    ("probe", 7),
    ("own", 7),
    ("gradient norm", 17),
    ("gain", 8),
    ("boost", 8),
    ("ratio", 8),
)
"""Heading and cells of each number."""
ALONE = 15
"""Cells of the column of a run with references: each modality alone, and inside the model."""
_LONGEST_ARM = 21
_OCTAVES = 2.0
"""The bar reaches from a quarter to four times the gradient: two octaves each way."""
_AS_IT_IS = 0.005
"""A gain that is no farther from 1 does not show in three digits."""


def wide_heading(styles: Styles, width: int, references: bool = False) -> Text:
    """Return the headings of the numbers, and the ends of the bar.

    With `references` the column of `ALONE` comes last.
    """
    row = Text(" " * (_NAME + 3), style=styles.muted)
    for name, size in _COLUMNS:
        row.append(f"{name:>{size}}")
    if references:
        row.append(f"{f'alone{_arrow(styles)}inside':>{ALONE}}")
    arm = _arm(width - ALONE if references else width)
    left, right = styles.glyph("◀", "<"), styles.glyph("▶", ">")
    if arm >= 12:  # room for "throttle ◀" and a space
        left, right = f"throttle {left}", f"{right} boost"
    return row.append(f"   {left:>{arm - 1}} 1× {right}")


def _arm(width: int) -> int:
    """Return the cells on each side of the bar's middle, so that the word after it still fits."""
    used = _NAME + 3 + sum(size for _, size in _COLUMNS) + 3 + 2 + len("held back")
    return min(max((width - used - 1) // 2, 3), _LONGEST_ARM)


def _arrow(styles: Styles) -> str:
    return styles.glyph("→", ">")


def wide_line(
    line: ModalityBalance, index: int, styles: Styles, width: int, references: bool = False
) -> Text:
    """Return name, all numbers, bar and verdict; `index` is the place of the modality's colour."""
    name, style = fit(shorten(safe(line.modality), _NAME), _NAME), styles.curve(index)
    row = Text("").append(f"{styles.marker(index)} ", style).append(name, style).append(" ")
    arrow, shown = _arrow(styles), partial(_shown, line, styles)
    cells = (
        shown("probe_accuracy"),
        shown("unimodal_accuracy"),
        f"{shown('grad_norm')} {arrow} {shown('grad_norm_after'):<6}",
        shown("gain", unit="×"),
        shown("boost_scale", unit="×"),
        shown("discrepancy"),
    )
    for (_, size), cell in zip(_COLUMNS, cells, strict=True):
        row.append(f"{cell:>{size}}", styles.text)
    if references:
        row.append(f"{_alone(line, styles, 3):>{ALONE}}", styles.text)
    arm = _arm(width - ALONE if references else width)
    row.append("   ").append_text(gain_bar(line.gain, arm, styles))
    row.append(f"  {verdict(line)}", styles.muted)
    noise = _noise(line)
    if noise and row.cell_len + len(noise) + len(", noise ") <= width:
        row.append(f", noise {noise}", styles.muted)
    return row


def _alone(line: ModalityBalance, styles: Styles, digits: int) -> str:
    """Return the accuracy of a modality alone and inside the model, – without a reference."""
    if not math.isfinite(line.alone):
        return styles.glyph("–", "-")
    return f"{number(line.alone, digits)}{_arrow(styles)}{_shown(line, styles, 'inside', digits)}"


def narrow_line(line: ModalityBalance, index: int, styles: Styles, width: int) -> Text:
    """Return name, bar, and as many numbers as fit, each with its label."""
    name = fit(shorten(safe(line.modality), _NARROW_NAME), _NARROW_NAME)
    row = Text("").append(f"{styles.marker(index)} {name}", styles.curve(index))
    arm = 5 if width >= 76 else 4
    for label, value, size in _labelled(line, styles):
        cell = Text.assemble((f" {label} ", styles.muted), (fit(value, size), styles.text))
        if row.cell_len + cell.cell_len + 2 * arm + 3 <= width:
            row.append_text(cell)
    return row.append(" ").append_text(gain_bar(line.gain, arm, styles))


def _labelled(line: ModalityBalance, styles: Styles) -> list[tuple[str, str, int]]:
    """Return label, text and cells of each number, the most important first."""
    shown = partial(_shown, line, styles)
    before, after = shown("grad_norm", 2), shown("grad_norm_after", 2)
    alone = [("alone", _alone(line, styles, 2), 9)] if math.isfinite(line.alone) else []
    return [
        ("p", shown("probe_accuracy", 2), 5),
        ("gain", shown("gain", 2, unit="×"), 5),
        *alone,
        ("|g|", f"{before}{_arrow(styles)}{after}", 9),
        *([("noise", noise, 4)] if (noise := _noise(line)) else []),
        ("own", shown("unimodal_accuracy", 2), 5),
        ("boost", shown("boost_scale", 2, unit="×"), 5),
        (styles.glyph("ρ", "r"), shown("discrepancy", 2), 5),
    ]


def _noise(line: ModalityBalance) -> str:
    """Return the noise's part of the step, "" where it would show as nothing."""
    share = line.noise_share
    return f"{share:.0%}" if math.isfinite(share) and share >= 0.005 else ""


def gain_bar(gain: float, arm: int, styles: Styles) -> Text:
    """Return a bar in octaves, `arm` cells to each side of 1×: throttle left, boost right."""
    middle = styles.glyphs.vertical
    if not math.isfinite(gain):
        return Text(" " * arm + middle + " " * arm, styles.muted)
    rest, solid = styles.glyph("·", "."), styles.glyph("█", "#")
    cells = _filled(gain, arm)
    left, right = (cells, 0) if gain < 1 else (0, cells)
    row = Text("").append(rest * (arm - left), styles.frame).append(solid * left, styles.warn)
    row.append(middle, styles.text).append(solid * right, styles.good)
    return row.append(rest * (arm - right), styles.frame)


def _filled(gain: float, arm: int) -> int:
    """Return the full cells of the bar, at least one for a gain that is not 1."""
    octaves = math.log2(max(gain, 1e-9)) / _OCTAVES
    least = 1 if abs(gain - 1) > _AS_IT_IS else 0
    return min(max(round(abs(octaves) * arm), least), arm)


def verdict(line: ModalityBalance) -> str:
    """Return the bar in a word or two, "" without a gain."""
    if not math.isfinite(line.gain):
        return ""
    if line.gain < 1 - _AS_IT_IS:
        return "held back"
    return "boosted" if line.gain > 1 + _AS_IT_IS else "as it is"


def _shown(
    line: ModalityBalance, styles: Styles, field: str, digits: int = 3, unit: str = ""
) -> str:
    """Return a field as text: – where nothing was measured, ✗NaN where that is no number."""
    value: float = getattr(line, field)
    known = not math.isnan(value) or field in line.faults
    text = clip(measured_text(value if known else None, styles, digits), 6)
    return text + unit if math.isfinite(value) else text
