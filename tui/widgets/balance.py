"""The balance panel: the dominant modality, the modulators, and one line per modality."""

from __future__ import annotations

import math
from itertools import product

from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.read.probe_gap import Gap
from asgml.tui.scene.balance import BalanceSummary, ModulatorStatus
from asgml.tui.scene.scene import Scene
from asgml.tui.terminal.format import shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.box import Box
from asgml.tui.widgets.modality_lines import ALONE, WIDE, narrow_line, wide_heading, wide_line

STARVED = 0.02
"""Accuracy that a modality must lack inside the joint model to be called starved."""
NAME = 12  # cells of a modality's name in the summary


class BalancePanel(Box):
    """The balance, framed where there is room, bare lines where not."""

    DEFAULT_CSS = "BalancePanel { height: auto; }"

    def show_scene(self, scene: Scene, framed: bool) -> None:
        """Show the balance; the panel takes the height of its lines."""
        width = self.size.width or self.app.size.width
        rows = balance_rows(scene.balance, self.theme_styles, width - 4 if framed else width)
        if not framed:
            self.styles.height = len(rows)
            self.show(rows)
            return
        self.styles.height = len(rows) + 2
        self.title = "balance"
        # Until Textual has given the panel its new height, a frame would lack its lower edge.
        if self.size.height == len(rows) + 2:
            self.show_box(rows)


def balance_rows(balance: BalanceSummary, styles: Styles, width: int) -> list[Text]:
    """Return the summary, column headings where there is room, and one line per modality."""
    rows, modalities = [_summary(balance, styles, width)], enumerate(balance.modalities)
    references = any(math.isfinite(line.alone) for line in balance.modalities)
    if width < WIDE + (ALONE if references else 0):
        return rows + [narrow_line(line, index, styles, width) for index, line in modalities]
    rows.append(wide_heading(styles, width, references))
    return rows + [wide_line(line, index, styles, width, references) for index, line in modalities]


def _summary(balance: BalanceSummary, styles: Styles, width: int) -> Text:
    """Return gap, dominant modality and modulators, these in as much detail as fits."""
    for starved, by in product((_starved(balance), ""), (True, False)):
        for details in (2, 1, 0):
            line = _gap(balance.gap, styles, by).append(starved, styles.warn)
            for modulator in balance.modulators:
                line.append("   " if details else "  ")
                line.append_text(_modulator(modulator, styles, details))
            if line.cell_len <= width:
                return line
    line.truncate(width, overflow="ellipsis")
    return line


def _gap(gap: Gap, styles: Styles, by: bool) -> Text:
    """Return the gap with its standard error and who dominates, `by` which measure."""
    row, words = Text(""), gap.words if by else gap.verdict
    if gap.amount:
        amount = gap.amount.replace("±", styles.glyph("±", "+-"))
        row.append("gap ", styles.muted).append(amount, styles.strong).append("  ")
    return row.append(safe(words), styles.strong if gap.by else styles.muted)


def _starved(balance: BalanceSummary) -> str:
    """Return which modality lacks most of what it reaches alone, "" below 2 points.

    One run gives no error: `asgml diagnose` says whether other seeds agree.
    """
    known = [line for line in balance.modalities if math.isfinite(line.alone - line.inside)]
    if not known:
        return ""
    worst = max(known, key=lambda line: line.alone - line.inside)
    gap = worst.alone - worst.inside
    name = shorten(safe(worst.modality), NAME)
    return f"  {name} starved by {gap * 100:.1f}" if gap > STARVED else ""


def _modulator(modulator: ModulatorStatus, styles: Styles, details: int) -> Text:
    """Return a modulator and whether it acts.

    With fewer details its window goes first, then the word: the sign means the same.
    """
    sign = styles.glyph("●", "*") if modulator.open else styles.glyph("○", "o")
    word = (" open" if modulator.open else " closed") if details else ""
    text = Text(
        f"{sign} {safe(modulator.name)}{word}", styles.good if modulator.open else styles.muted
    )
    window = f" ({modulator.window})" if details > 1 and modulator.window else ""
    return text.append(window, styles.muted)
