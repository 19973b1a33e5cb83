"""The list of runs beside the one on screen: state, step and best validation accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text

from asgml.storage.format.value_text import number
from asgml.tui.messages import RunLine
from asgml.tui.scene.scene import Scene
from asgml.tui.terminal.format import fit, short_count, shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.box import Box

_BESIDE_NAME = 26
"""Cells of a row without the name: state 11, step 7, best value 7, and one to spare."""


class Runs(Box):
    """The newest runs of the folder."""

    def show_runs(self, runs: Sequence[RunLine], scene: Scene) -> None:
        """Show as many runs as fit; the one on screen is strong."""
        step = scene.progress.step if scene.transport is None else None
        if not self.stale(runs, scene.name, scene.state, step):
            return
        self.title = "runs"
        width, height = self.inner
        rows = [
            run_row(as_on_screen(line, scene), self.theme_styles, width, line.name == scene.name)
            for line in runs[:height]
        ]
        self.show_box(rows, Text("g go to", self.theme_styles.muted))


def as_on_screen(line: RunLine, scene: Scene) -> RunLine:
    """Return the line with state and step of the scene where it is the run on screen.

    The list is read every 15 s only; it must not contradict the status line meanwhile.
    """
    if line.name != scene.name or scene.transport is not None:
        return line
    return replace(line, state=scene.state, step=scene.progress.step)


def run_row(line: RunLine, styles: Styles, width: int, current: bool = False) -> Text:
    """Return name, state, step and best value of a run in `width` cells."""
    sign, state = styles.state(line.state)
    name = max(width - _BESIDE_NAME, 8)
    best = number(line.best) if math.isfinite(line.best) else ""
    row = Text("").append(f"{sign} ", state)
    row.append(fit(shorten(line.name, name), name), styles.strong if current else styles.text)
    row.append(f" {line.state:<8}", state).append(f"{short_count(line.step):>7}", styles.text)
    return row.append(f"{best:>7}", styles.muted)
