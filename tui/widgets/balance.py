"""The balance panel: per modality what it can, what it gets, and whether it is held back or helped."""

from __future__ import annotations

import math

from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import number
from asgml.tui.scene.scene import ModalityBalance, ModulatorStatus, Scene
from asgml.tui.terminal.format import clip, fit, shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Box

_NAME, _ARM = 10, 8
_RANGE = 2.0
"""The bar reaches from a quarter to four times the gradient: two octaves each way."""


class BalancePanel(Box):
    """Framed where there is room, bare lines where not."""

    DEFAULT_CSS = "BalancePanel { height: auto; }"

    def show_scene(self, scene: Scene, framed: bool) -> None:
        width = self.size.width or self.app.size.width
        rows = balance_rows(scene, self.theme_styles, width - 4 if framed else width)
        if not framed:
            self.styles.height = len(rows)
            self.show(rows)
            return
        self.styles.height = len(rows) + 2
        self.title = "balance"
        if self.size.height == len(rows) + 2:
            self.show_box(rows)


def balance_rows(scene: Scene, styles: Styles, width: int) -> list[Text]:
    """The summary line, column headings where there is room, and one line per modality."""
    summary = _summary(scene, styles, width)
    if width >= 92:
        heading = _wide_heading(styles, width)
        return [
            summary,
            heading,
            *(
                _wide_row(line, index, scene.balance.dominant, styles, width)
                for index, line in enumerate(scene.balance.modalities)
            ),
        ]
    return [
        summary,
        *(
            _narrow_row(line, index, styles, width)
            for index, line in enumerate(scene.balance.modalities)
        ),
    ]


def _summary(scene: Scene, styles: Styles, width: int) -> Text:
    row = Text("")
    if math.isfinite(scene.balance.gap):
        row.append("gap ", styles.muted).append(number(scene.balance.gap), styles.strong)
    row.append("  " if row.plain else "")
    row.append(
        f"{safe(scene.balance.dominant)} dominates"
        if scene.balance.dominant
        else "no modality dominates yet",
        styles.strong if scene.balance.dominant else styles.muted,
    )
    for details in (2, 1, 0):
        line = row.copy()
        for part in scene.balance.modulators:
            line.append("   " if details else "  ").append_text(_part(part, styles, details))
        if line.cell_len <= width:
            break
    line.truncate(width, overflow="ellipsis")
    return line


def _part(part: ModulatorStatus, styles: Styles, details: int) -> Text:
    """A modulator and whether it acts. With fewer details first its window goes, then the word: the sign says it too."""
    sign = styles.glyph("●", "*") if part.open else styles.glyph("○", "o")
    words = f"{sign} {safe(part.name)}" + (
        f" {'open' if part.open else 'closed'}" if details else ""
    )
    text = Text(words, styles.good if part.open else styles.muted)
    return text.append(f" ({part.window})", styles.muted) if details > 1 and part.window else text


_COLUMNS = (
    ("probe", 7),
    ("own", 7),
    ("gradient norm", 17),
    ("gain", 8),
    ("boost", 8),
    ("ratio", 8),
)


def _wide_heading(styles: Styles, width: int) -> Text:
    row = Text(" " * (_NAME + 3), style=styles.muted)
    for name, size in _COLUMNS:
        row.append(f"{name:>{size}}")
    left, right = styles.glyph("◀", "<"), styles.glyph("▶", ">")
    if _arm(width) >= 12:
        left, right = f"throttle {left}", f"{right} boost"
    return row.append(f"   {left:>{_arm(width) - 1}} 1× {right}")


def _arm(width: int) -> int:
    """Cells on each side of the bar's middle, so that the word after the bar still fits."""
    used = _NAME + 3 + sum(size for _, size in _COLUMNS) + 3 + 2 + len("held back")
    return min(max((width - used - 1) // 2, 3), 21)


def _wide_row(line: ModalityBalance, index: int, dominant: str, styles: Styles, width: int) -> Text:
    row = (
        Text("")
        .append(f"{styles.marker(index)} ", styles.curve(index))
        .append(fit(shorten(safe(line.modality), _NAME), _NAME), styles.curve(index))
        .append(" ")
    )
    arrow = styles.glyph("→", ">")
    cells = (
        number(line.probe_accuracy), number(line.unimodal_accuracy), f"{number(line.grad_norm)} {arrow} {number(line.grad_norm_after):<6}",
        _times(line.gain), _times(line.boost_scale), number(line.discrepancy),
    )  # fmt: skip
    for (_, size), cell in zip(_COLUMNS, cells, strict=True):
        row.append(f"{cell:>{size}}", styles.text)
    row.append("   ").append_text(gain_bar(line.gain, _arm(width), styles))
    return row.append(f"  {verdict(line)}", styles.muted)


def _narrow_row(line: ModalityBalance, index: int, styles: Styles, width: int) -> Text:
    row = Text("").append(
        f"{styles.marker(index)} {fit(shorten(safe(line.modality), 8), 8)}", styles.curve(index)
    )
    norms = f"{number(line.grad_norm, 2)}{styles.glyph('→', '>')}{number(line.grad_norm_after, 2)}"
    pieces = [("p", number(line.probe_accuracy, 2)), ("gain", _times(line.gain, 2)), ("|g|", norms), ("own", number(line.unimodal_accuracy, 2)),
              ("boost", _times(line.boost_scale, 2)), (styles.glyph("ρ", "r"), number(line.discrepancy, 2))]  # fmt: skip
    arm = 5 if width >= 76 else 4
    for name, value in pieces:
        cell = Text.assemble(
            (f" {name} ", styles.muted), (fit(value, 9 if name == "|g|" else 5), styles.text)
        )
        if row.cell_len + cell.cell_len + 2 * arm + 3 <= width:
            row.append_text(cell)
    return row.append(" ").append_text(gain_bar(line.gain, arm, styles))


def gain_bar(gain: float, arm: int, styles: Styles) -> Text:
    """Throttle to the left, boost to the right of 1×, in octaves; the middle line is plain training."""
    middle = styles.glyphs.vertical
    rest, solid = styles.glyph("·", "."), styles.glyph("█", "#")
    if not math.isfinite(gain):
        return Text(" " * arm + middle + " " * arm, styles.muted)
    octaves = math.log2(max(gain, 1e-9)) / _RANGE
    cells = min(max(round(abs(octaves) * arm), 1 if abs(gain - 1) > 0.005 else 0), arm)
    left, right = (cells, 0) if gain < 1 else (0, cells)
    row = (
        Text("")
        .append(rest * (arm - left), styles.frame)
        .append(solid * left, styles.warn)
        .append(middle, styles.text)
    )
    return row.append(solid * right, styles.good).append(rest * (arm - right), styles.frame)


def verdict(line: ModalityBalance) -> str:
    """The bar in a word."""
    if not math.isfinite(line.gain):
        return ""
    if line.gain < 0.995:
        return "held back"
    return "boosted" if line.gain > 1.005 else "as it is"


def _times(value: float, digits: int = 3) -> str:
    return f"{clip(number(value, digits), 6)}×" if math.isfinite(value) else "–"
