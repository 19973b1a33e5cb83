"""A measured value as the screen shows it: a number, a dash where none was measured, a fault."""

from __future__ import annotations

import math

from rich.style import Style

from asgml.storage.format.value_text import number
from asgml.tui.terminal.theme import Styles


def measured_text(value: float | None, styles: Styles, digits: int = 3) -> str:
    """Return a value in at most 8 cells: `–` for None, `✗NaN` and `✗inf` for what is no number."""
    if value is None:
        return styles.glyph("–", "-")
    if math.isfinite(value):
        return number(value, digits)
    name = "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return styles.glyphs.bad + name


def measured_style(value: float | None, styles: Styles, usual: Style) -> Style:
    """Return the style of such a text: quiet for a dash, that of faults for what is no number."""
    if value is None:
        return styles.muted
    return usual if math.isfinite(value) else styles.bad
