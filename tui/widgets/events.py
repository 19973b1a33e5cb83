"""The event log: the newest lines first, routine checkpoints folded into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.cells import cell_len
from rich.text import Text

from asgml.tui.scene.log_lines import LogLine
from asgml.tui.scene.scene import Scene
from asgml.tui.terminal.format import count
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.box import ListBox, more_text


class EventLog(ListBox):
    """The event log, with or without a frame."""

    def show_scene(self, scene: Scene, framed: bool) -> None:
        """Show as many of the newest lines as fit."""
        lines, styles = scene.history.lines, self.theme_styles
        if not self.stale(lines, framed):
            return
        width, height = self.inner if framed else self.size
        groups = newest_groups(lines, height)
        shown = [_folded(group) for group in groups]
        rows = [log_row(line, styles, width) for line in shown]
        self.picks = shown
        self.title = "events"
        hidden = len(lines) - sum(map(len, groups))
        if framed:
            self.show_box(rows, Text(f"{count(len(lines))}  L all", styles.muted), below=hidden)
        else:
            self.show_bare(
                [*rows[:-1], *(with_more(row, hidden, styles, width) for row in rows[-1:])]
            )


def with_more(row: Text, hidden: int, styles: Styles, width: int) -> Text:
    """Return the lowest line with the number of events below it at its end."""
    if not hidden:
        return row
    more = f"  {more_text(0, hidden, styles)}  L"
    row.truncate(max(width - cell_len(more) - 1, 0), overflow="ellipsis", pad=True)
    return row.append(more, styles.muted)


def newest(lines: Sequence[LogLine], most: int) -> list[LogLine]:
    """Return at most `most` lines, the newest first.

    Routine checkpoints that follow each other are one line, so that requests stay in sight.
    """
    return [_folded(group) for group in newest_groups(lines, most)]


def newest_groups(lines: Sequence[LogLine], most: int) -> list[list[LogLine]]:
    """Return the events that each of at most `most` lines stands for, the newest first."""
    groups: list[list[LogLine]] = []
    for line in reversed(lines):
        if groups and line.routine and groups[-1][0].routine:
            groups[-1].append(line)
        elif len(groups) >= most:
            break
        else:
            groups.append([line])
    return groups


def _folded(lines: list[LogLine]) -> LogLine:
    first, *older = lines
    return replace(first, text=f"{first.text}  and {len(older)} before") if older else first


def log_row(line: LogLine, styles: Styles, width: int, *, seen: bool = False) -> Text:
    """Return step, tag and text of a log line in at most `width` cells; dim if it was `seen`."""
    if seen:
        row = Text(f"{count(line.step):>8} {line.tag:<5} {line.text}", styles.muted)
        row.truncate(max(width, 0), overflow="ellipsis")
        return row
    tag = styles.key if line.level == "info" else styles.level(line.level)
    text = styles.level(line.level) if line.level in {"bad", "warn"} else styles.text
    row = Text("").append(f"{count(line.step):>8} ", styles.muted)
    row.append(f"{line.tag:<5} ", tag).append(line.text, text)
    row.truncate(max(width, 0), overflow="ellipsis")
    return row
