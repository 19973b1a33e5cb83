"""Use of the machine by the trainer, and of the terminal by this program."""

from __future__ import annotations

import math

from rich.text import Text

from asgml.storage.format.value_text import number, size
from asgml.tui.scene.scene import MetricRow, Scene
from asgml.tui.terminal.format import fit
from asgml.tui.widgets.box import Box
from asgml.tui.widgets.values import spark

_LABEL = 6
_SPARKLINE = 16
_BESIDE_SPARKLINE = 26
"""Cells of a gauge without its sparkline: label, percentage, memory and gaps."""
_MEGABYTE = 1024 * 1024


class System(Box):
    """Processor, memory, store and terminal."""

    def show_scene(self, scene: Scene, bytes_per_minute: int, interval: float) -> None:
        """Show the newest numbers; `interval` is the time between two frames in seconds."""
        self.title = "system"
        last = {row.column: row for row in scene.rows if row.metric.table == "system"}
        pace = f"{1 / interval:g} Hz" + (" (SSH)" if interval >= 1 else "")
        rows = [
            self._gauge("CPU", last.get("cpu"), last.get("memory")),
            self._gauge("GPU", last.get("gpu"), last.get("gpu_memory")),
            self._row("store", _store(last.get("store_bytes"), last.get("samples_per_second"))),
            self._row("term", f"{rough_size(bytes_per_minute)}/min  {pace}"),
        ]
        self.show_box([row for row in rows if row.plain])

    def _gauge(self, name: str, use: MetricRow | None, memory: MetricRow | None) -> Text:
        """Return use in percent, its course, and memory; empty where neither is recorded."""
        styles = self.theme_styles
        if use is None and memory is None:
            return Text("")
        line = Text("").append(f"{name:<{_LABEL}}", styles.muted)
        if use is not None:
            line.append(f"{number(use.summary.last, 2):>4}% ", styles.text)
            cells = max(min(_SPARKLINE, self.inner[0] - _BESIDE_SPARKLINE), 0)
            line.append(fit(spark(use, styles, cells), cells), styles.curve(0))
        if memory is not None and math.isfinite(memory.summary.last):
            line.append(f"  {size(memory.summary.last * _MEGABYTE)}", styles.text)
        return line

    def _row(self, name: str, text: str) -> Text:
        styles = self.theme_styles
        return Text("").append(f"{name:<{_LABEL}}", styles.muted).append(text, styles.text)


def _store(stored: MetricRow | None, pace: MetricRow | None) -> str:
    """Return the size of the store and the samples trained on per second."""
    found = "–"
    if stored is not None and math.isfinite(stored.summary.last):
        found = size(stored.summary.last)
    if pace is not None and math.isfinite(pace.summary.last):
        found += f"  {number(pace.summary.last, 2)} samples/s"
    return found


def rough_size(amount: float) -> str:
    """Return bytes in one or two digits: a counter that is precise would itself be traffic."""
    if amount < 1024:
        return "<1 kB"
    kilo = amount / 1024
    power = 10 ** max(math.floor(math.log10(kilo)) - (0 if kilo < 10 else 1), 0)
    return size(round(kilo / power) * power * 1024)
