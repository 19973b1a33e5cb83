"""What the trainer uses of the machine, and this program of the terminal."""

from __future__ import annotations

import math

from rich.text import Text

from asgml.storage.format.value_text import number, size
from asgml.tui.scene.scene import MetricRow, Scene
from asgml.tui.terminal.format import fit
from asgml.tui.widgets.lines import Box
from asgml.tui.widgets.values import spark


class System(Box):
    """What the trainer and this program use of the machine."""

    def show_scene(self, scene: Scene, per_minute: int, interval: float) -> None:
        self.title = "system"
        last = {row.column: row for row in scene.rows if row.metric.table == "system"}
        width, _ = self.inner
        rows = [
            self._gauge("CPU", last.get("cpu"), last.get("memory"), width),
            self._gauge("GPU", last.get("gpu"), last.get("gpu_memory"), width),
        ]
        rows.append(
            self._plain_row(
                "store", self._store(scene, last.get("store_bytes"), last.get("samples_per_second"))
            )
        )
        pace = f"{1 / interval:g} Hz" + (" (SSH)" if interval >= 1 else "")
        rows.append(self._plain_row("term", f"{rough_size(per_minute)}/min  {pace}"))
        self.show_box([row for row in rows if row.plain])

    def _gauge(
        self, name: str, use: MetricRow | None, memory: MetricRow | None, width: int
    ) -> Text:
        if use is None and memory is None:
            return Text("")
        line = Text("").append(f"{name:<6}", self.theme_styles.muted)
        if use is not None:
            line.append(f"{number(use.summary.last, 2):>4}% ", self.theme_styles.text)
            cells = max(min(16, width - 26), 0)
            line.append(
                fit(spark(use, self.theme_styles, cells), cells), self.theme_styles.curve(0)
            )
        if memory is not None and math.isfinite(memory.summary.last):
            line.append(f"  {size(memory.summary.last * 1024 * 1024)}", self.theme_styles.text)
        return line

    def _store(self, scene: Scene, stored: MetricRow | None, pace: MetricRow | None) -> str:
        bytes_text = (
            size(stored.summary.last)
            if stored is not None and math.isfinite(stored.summary.last)
            else "–"
        )
        rate = (
            f"  {number(pace.summary.last, 2)} samples/s"
            if pace is not None and math.isfinite(pace.summary.last)
            else ""
        )
        return f"{bytes_text}{rate}"

    def _plain_row(self, name: str, text: str) -> Text:
        return (
            Text("")
            .append(f"{name:<6}", self.theme_styles.muted)
            .append(text, self.theme_styles.text)
        )


def rough_size(amount: float) -> str:
    """Bytes in one significant digit or two: a counter that is precise would itself be traffic."""
    if amount < 1024:
        return "<1 kB"
    kilo = amount / 1024
    power = 10 ** max(math.floor(math.log10(kilo)) - (0 if kilo < 10 else 1), 0)
    return size(round(kilo / power) * power * 1024)
