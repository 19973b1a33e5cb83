"""The lines at the bottom: the position of a replay, and the keys that fit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.message import Message

from asgml.tui.keys.row import Key
from asgml.tui.keys.table import footer, importance
from asgml.tui.scene.scene import Scene, Transport
from asgml.tui.terminal.format import count
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Lines

_TRACK = re.compile(r"[━─●]+|[=\-o]+")
"""The track of a replay, the longest of its kind in the line."""
_ALWAYS = 3
"""Keys at the end of the footer that are shown at any width: help, palette, leaving."""


class TransportBar(Lines):
    """The position of a replay; hidden while a run is live."""

    DEFAULT_CSS = "TransportBar { height: 1; }"

    class Picked(Message):
        """A place on the track was clicked; `share` of the run lies before it, from 0 to 1."""

        def __init__(self, share: float) -> None:
            super().__init__()
            self.share = share

    def show_scene(self, scene: Scene) -> None:
        """Show speed and position of the replay."""
        self.display = scene.transport is not None
        if scene.transport is not None:
            self.show([transport_line(scene.transport, self.theme_styles, self.size.width)])

    def on_click(self, event: events.Click) -> None:
        begin, end = track_cells("".join(self.plain))
        if begin <= event.x < end:
            self.post_message(self.Picked((event.x - begin) / max(end - begin - 1, 1)))


def track_cells(line: str) -> tuple[int, int]:
    """Return the first cell of the track in the line, and the one behind its last."""
    found = max(_TRACK.finditer(line), key=lambda match: len(match.group()), default=None)
    return found.span() if found else (0, 0)


def transport_line(transport: Transport, styles: Styles, width: int) -> Text:
    """Return state and speed, a track with the position on it, and the step."""
    state = styles.glyph("▶", ">") if transport.playing else styles.glyph("‖", "=")
    style = styles.good if transport.playing else styles.warn
    left = Text("").append(f" {state} REPLAY {transport.speed:g}×", style)
    right = Text(f" step {count(transport.step)}/{count(transport.last_step)} ", styles.text)
    room = max(width - left.cell_len - right.cell_len - 3, 0)
    place = round(transport.row / max(transport.rows, 1) * max(room - 1, 0))
    track = Text(" ").append(styles.glyph("━", "=") * place, styles.key)
    track.append(styles.glyph("●", "o"), styles.key)
    rest = styles.glyph("─", "-") * max(room - 1 - place, 0)
    return left.append_text(track).append(rest, styles.frame).append_text(right)


class KeyBar(Lines):
    """The keys that fit; help and leaving are always among them. A click on one presses it."""

    DEFAULT_CSS = "KeyBar { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._ends: list[tuple[int, str]] = []

    def show_keys(
        self, screen: str, labels: dict[str, str], steerable: bool, mapped: dict[str, str]
    ) -> None:
        """Show the keys of a screen, dim those that cannot act on a run now."""
        if not self.stale(screen, dict(labels), steerable):
            return
        entries = [
            (self._entry(entry, steerable), entry[2]) for entry in footer(screen, labels, mapped)
        ]
        ending = entries[-_ALWAYS:]
        room = self.size.width - sum(text.cell_len for text, _ in ending)
        shown = chosen(entries[:-_ALWAYS], room)
        row, self._ends = Text(""), []
        for text, key in [*shown, *ending]:
            self._put(row, text, key.id)
        self.show([row])

    def _put(self, row: Text, text: Text, id: str) -> None:
        row.append_text(text)
        self._ends.append((row.cell_len, id))

    async def on_click(self, event: events.Click) -> None:
        for end, id in self._ends:
            if event.x < end:
                await self.screen.run_action(f"do({id!r})")
                return

    def _entry(self, entry: tuple[str, str, Key], steerable: bool) -> Text:
        name, label, key = entry
        styles, dim = self.theme_styles, key.steers and not steerable
        text = Text("").append(f" {name}", styles.pending if dim else styles.key)
        return text.append(f" {label} ", styles.pending if dim else styles.muted)


def chosen(entries: Sequence[tuple[Text, Key]], room: int) -> list[tuple[Text, Key]]:
    """Return the entries that fit into `room` cells, by importance, in their order."""
    kept: list[int] = []
    for place in sorted(range(len(entries)), key=lambda place: importance(entries[place][1])):
        if entries[place][0].cell_len <= room:
            room -= entries[place][0].cell_len
            kept.append(place)
    return [entries[place] for place in sorted(kept)]
