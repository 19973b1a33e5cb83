"""What happened, the newest first; and the runs beside this one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text

from asgml.storage.format.value_text import number
from asgml.tui.messages import RunLine
from asgml.tui.scene.log_lines import LogLine
from asgml.tui.scene.scene import Scene
from asgml.tui.terminal.format import count, fit, short_count, shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Box


class EventLog(Box):
    """What happened, the newest first."""

    def show_scene(self, scene: Scene, framed: bool) -> None:
        if not self.stale(scene.history.lines, framed):
            return
        width, height = self.inner if framed else self.size
        rows = [
            log_row(line, self.theme_styles, width) for line in newest(scene.history.lines, height)
        ]
        self.title = "events"
        if framed:
            self.show_box(
                rows, Text(f"{count(len(scene.history.lines))}  L all", self.theme_styles.muted)
            )
        else:
            self.show(rows)


def newest(lines: Sequence[LogLine], most: int) -> list[LogLine]:
    """The newest lines, first; a row of routine checkpoints is one line, so that what people did stays in sight."""
    found: list[LogLine] = []
    folded = 0
    for line in reversed(lines):
        if found and line.routine and found[-1].routine:
            folded += 1
            continue
        if folded:
            found[-1] = replace(found[-1], text=f"{found[-1].text}  and {folded} before")
            folded = 0
        if len(found) == most:
            return found
        found.append(line)
    return (
        [*found[:-1], replace(found[-1], text=f"{found[-1].text}  and {folded} before")]
        if folded
        else found
    )


def log_row(line: LogLine, styles: Styles, width: int) -> Text:
    row = (
        Text("")
        .append(f"{count(line.step):>8} ", styles.muted)
        .append(f"{line.tag:<5} ", styles.level(line.level) if line.level != "info" else styles.key)
    )
    row.append(
        line.text, styles.level(line.level) if line.level in {"bad", "warn"} else styles.text
    )
    row.truncate(max(width, 0), overflow="ellipsis")
    return row


class Runs(Box):
    """The runs beside this one."""

    def show_runs(self, runs: Sequence[RunLine], scene: Scene) -> None:
        if not self.stale(
            runs, scene.name, scene.state, scene.progress.step if scene.transport is None else None
        ):
            return
        self.title = "runs"
        width, height = self.inner
        rows = [
            run_row(as_on_screen(line, scene), self.theme_styles, width, line.name == scene.name)
            for line in runs[:height]
        ]
        self.show_box(rows, Text("g go to", self.theme_styles.muted))


def as_on_screen(line: RunLine, scene: Scene) -> RunLine:
    """The list is read now and then only: the run on screen shows what its status line says."""
    if line.name != scene.name or scene.transport is not None:
        return line
    return replace(line, state=scene.state, step=scene.progress.step)


def run_row(line: RunLine, styles: Styles, width: int, current: bool = False) -> Text:
    sign, style = styles.state(line.state)
    name = max(width - 26, 8)
    row = (
        Text("")
        .append(f"{sign} ", style)
        .append(fit(shorten(line.name, name), name), styles.strong if current else styles.text)
    )
    row.append(f" {line.state:<8}", style).append(f"{short_count(line.step):>7}", styles.text)
    return row.append(f"{number(line.best) if math.isfinite(line.best) else '':>7}", styles.muted)
