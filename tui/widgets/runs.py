"""The list of runs beside the one on screen: state, step and best validation accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import number
from asgml.storage.runs.record import RunRecord
from asgml.tui.scene.scene import Scene
from asgml.tui.terminal.format import clip, fit, short_count, shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.box import ListBox

_BESIDE_NAME = 26
"""Cells of a row without the name: state 11, step 7, best value 7, and one to spare."""


class Runs(ListBox):
    """The newest runs of the folder."""

    def show_runs(self, runs: Sequence[RunRecord], scene: Scene) -> None:
        """Show as many runs as fit; the one on screen is strong."""
        step = scene.progress.step if scene.transport is None else None
        if not self.stale(tuple(map(id, runs)), scene.name, scene.state, step):
            return
        self.title = "runs"
        width, height = self.inner
        rows = [
            run_row(as_on_screen(run, scene), self.theme_styles, width, is_on_screen(run, scene))
            for run in runs[:height]
        ]
        self.picks = [run.path for run in runs[:height]]
        below = len(runs) - len(rows)
        self.show_box(rows, Text("g all", self.theme_styles.muted), below=below)


def is_on_screen(run: RunRecord, scene: Scene) -> bool:
    return safe(run.path.name) == scene.name


def as_on_screen(run: RunRecord, scene: Scene) -> RunRecord:
    """Return the record with state and step of the scene where it is the run on screen.

    The runs are read every 15 s only; their list must not contradict the status line meanwhile.
    """
    if not is_on_screen(run, scene) or scene.transport is not None:
        return run
    return replace(run, state=scene.state, step=scene.progress.step)


def run_row(run: RunRecord, styles: Styles, width: int, current: bool = False) -> Text:
    """Return name, state, step and best validation accuracy of a run in `width` cells."""
    sign, state = styles.state(run.state)
    name = max(width - _BESIDE_NAME, 8)
    best = run.metrics.get("best_val_accuracy")
    known = best is not None and best.last is not None and math.isfinite(best.last)
    row = Text("").append(f"{sign} ", state)
    row.append(fit(shorten(safe(run.name), name), name), styles.strong if current else styles.text)
    row.append(f" {clip(run.state, 8):<8}", state)
    row.append(f"{short_count(run.step or 0):>7}", styles.text)
    return row.append(f"{number(best.last) if best and known else '':>7}", styles.muted)
