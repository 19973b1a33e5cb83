"""The picture of a diagnosis: of each modality alone ○ and inside ●, fused values as lines."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text

from asgml.app.diagnosis.judgement import Judgement
from asgml.app.diagnosis.measurements import Measurements
from asgml.app.diagnosis.verdict import Verdict
from asgml.app.diagnosis.words import METRIC, fused_texts
from asgml.storage.format.safe_text import safe
from asgml.storage.statistics.estimate import estimate
from asgml.storage.statistics.words import amount, signed

WIDEST, LABEL, NUMBERS = 110, 14, 23
STEP = 0.05
STYLES = {"joint": "blue", "balanced": "green", "ensemble": "magenta", "chance": "dim"}


@dataclass(frozen=True)
class Signs:
    """The characters of the picture."""

    alone: str = "○"
    inside: str = "●"
    both: str = "◉"
    shaft: str = "─"
    left: str = "◀"
    right: str = "▶"
    joint: str = "│"
    balanced: str = "┃"
    ensemble: str = "┆"
    chance: str = "·"


ASCII = Signs("o", "*", "@", "-", "<", ">", "|", "#", ":", ".")


class DiagnosisPicture:
    """Lines of text, at most `width` columns wide."""

    def __init__(self, found: Measurements, verdict: Verdict, width: int, signs: Signs) -> None:
        self._found, self._verdict, self._signs, self._width = found, verdict, signs, width
        self._columns = max(min(width, WIDEST) - LABEL - NUMBERS - 2, 12)
        self._lines = _known(
            {
                "chance": found.chance,
                "ensemble": estimate(found.ensemble.values()).mean,
                "balanced": estimate(found.balanced.values()).mean,
                "joint": estimate(found.joint.values()).mean,
            }
        )
        self._dots = {m: self._levels(m) for m in found.modalities}
        shown = [*self._lines.values(), *(v for pair in self._dots.values() for v in pair)]
        shown = [value for value in shown if math.isfinite(value)] or [0.0, 1.0]
        self._low = max(math.floor((min(shown) - 0.01) / STEP) * STEP, 0.0)
        self._high = min(math.ceil((max(shown) + 0.01) / STEP) * STEP, 1.0)

    def text(self) -> list[Text]:
        """Return the rows of the modalities, the axis, and the legend."""
        rows = [self._row(m) for m in self._found.modalities]
        return [*rows, self._axis(), *self._legend()]

    def _levels(self, m: str) -> tuple[float, float]:
        series = (self._found.alone.get(m, {}), self._found.inside.get(m, {}))
        alone, inside = (estimate(each.values()).mean for each in series)
        return alone, inside

    def _row(self, m: str) -> Text:
        cells = self._background()
        alone, inside = self._dots[m]
        style = "bold red" if m in self._verdict.starved else "bold"
        self._arrow(cells, alone, inside, style)
        row = Text(f"{_fitting(safe(m), LABEL):<{LABEL}} ")
        for sign, of in cells:
            row.append(sign, of)
        gap = self._verdict.gaps[m]
        row.append(f" {f'{amount(alone, METRIC)} → {amount(inside, METRIC)}':<13}")
        row.append(_change(gap), style if gap.above else "")
        return row

    def _background(self) -> list[tuple[str, str]]:
        cells = [(" ", "")] * self._columns
        for name, value in self._lines.items():
            cells[self._place(value)] = (getattr(self._signs, name), STYLES[name])
        return cells

    def _arrow(self, cells: list[tuple[str, str]], alone: float, inside: float, style: str) -> None:
        """Draw from alone to inside; a value that is missing has no dot."""
        here = {name: self._place(v) for name, v in (("alone", alone), ("inside", inside))
                if math.isfinite(v)}  # fmt: skip
        if len(here) == 2:
            first, last = sorted(here.values())
            for column in range(first + 1, last):
                cells[column] = (self._signs.shaft, style)
            if last - first > 1:
                leftward = here["inside"] < here["alone"]
                head = here["inside"] + (1 if leftward else -1)
                cells[head] = (self._signs.left if leftward else self._signs.right, style)
        for name, column in here.items():
            cells[column] = (getattr(self._signs, name), style)
        if len(here) == 2 and here["alone"] == here["inside"]:
            cells[here["alone"]] = (self._signs.both, style)

    def _axis(self) -> Text:
        """Return the axis with about four numbers in per cent."""
        line = [" "] * (self._columns + 3)
        ticks = 4 if self._columns >= 36 else 2
        for index in range(ticks + 1):
            value = self._low + (self._high - self._low) * index / ticks
            label, column = f"{value * 100:.0f}", self._place(value)
            start = min(max(column - len(label) // 2, 0), len(line) - len(label))
            line[start : start + len(label)] = label
        return Text(" " * (LABEL + 1) + "".join(line).rstrip(), "dim")

    def _legend(self) -> list[Text]:
        """Return what the signs mean and the fused values, as many on a line as fit."""
        signs, texts = self._signs, fused_texts(self._found)
        labels = {
            "joint": "joint",
            "balanced": f"balanced ({safe(self._found.method)})",
            "ensemble": "ensemble of the modalities alone",
        }
        parts = [
            Text.assemble((getattr(signs, name), STYLES[name]), f" {label} {texts[name]}")
            for name, label in labels.items()
        ]
        if "chance" in self._lines:
            chance = amount(self._found.chance, METRIC)
            parts.append(Text(f"{signs.chance} most frequent class {chance}", "dim"))
        first = [f"{signs.alone} alone", f"{signs.inside} inside", f"{signs.both} both",
                 "(logistic regression on frozen features)"]  # fmt: skip
        return [*_flowed(map(Text, first), self._width), *_flowed(parts, self._width)]

    def _place(self, value: float) -> int:
        share = (value - self._low) / (self._high - self._low)
        return min(max(round(share * (self._columns - 1)), 0), self._columns - 1)


def _flowed(parts: Iterable[Text], width: int) -> list[Text]:
    """Return lines of at most `width` cells, as many parts on each as fit."""
    lines: list[Text] = []
    for part in parts:
        if lines and lines[-1].cell_len + 3 + part.cell_len <= width:
            lines[-1].append("   ").append_text(part)
        else:
            lines.append(part.copy())
    return lines


def _change(gap: Judgement) -> str:
    """Return what a modality gains inside the joint model, with its sign."""
    return signed(-gap.mean, METRIC) if gap.n else "–"


def _known(values: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _fitting(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
