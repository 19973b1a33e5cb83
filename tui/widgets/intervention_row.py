"""A row of the list of interventions: its step, what became of it, and what was done."""

from __future__ import annotations

from rich.text import Text

from asgml.tui.scene.interventions import InterventionLine
from asgml.tui.terminal.format import count
from asgml.tui.terminal.theme import Styles


def intervention_row(line: InterventionLine, styles: Styles) -> Text:
    """Return step, fate and text; what holds no more is dimmed, what is to come stands out."""
    gone = line.fate in ("undone", "over")
    row = Text("").append(f"{count(line.step):>8} ", styles.muted)
    row.append(f"{line.fate:<7}", styles.pending if line.fate == "coming" else styles.muted)
    return row.append(line.text, styles.muted if gone else styles.text)
