"""The lines at the bottom: the position of a replay, and the keys that fit."""

from __future__ import annotations

from rich.text import Text

from asgml.tui.keys.row import Key
from asgml.tui.keys.table import footer
from asgml.tui.scene.scene import Scene, Transport
from asgml.tui.terminal.format import count
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Lines

_ALWAYS = 3
"""Keys at the end of the footer that are shown at any width: help, palette, leaving."""


class TransportBar(Lines):
    """The position of a replay; hidden while a run is live."""

    DEFAULT_CSS = "TransportBar { height: 1; }"

    def show_scene(self, scene: Scene) -> None:
        """Show speed and position of the replay."""
        self.display = scene.transport is not None
        if scene.transport is not None:
            self.show([transport_line(scene.transport, self.theme_styles, self.size.width)])


def transport_line(transport: Transport, styles: Styles, width: int) -> Text:
    """Return state and speed, a track with the position on it, and the row."""
    state = styles.glyph("▶", ">") if transport.playing else styles.glyph("‖", "=")
    style = styles.good if transport.playing else styles.warn
    left = Text("").append(f" {state} REPLAY {transport.speed:g}×", style)
    right = Text(f" row {count(transport.row)}/{count(transport.rows)} ", styles.text)
    room = max(width - left.cell_len - right.cell_len - 3, 0)
    place = round(transport.row / max(transport.rows, 1) * max(room - 1, 0))
    track = Text(" ").append(styles.glyph("━", "=") * place, styles.key)
    track.append(styles.glyph("●", "o"), styles.key)
    rest = styles.glyph("─", "-") * max(room - 1 - place, 0)
    return left.append_text(track).append(rest, styles.frame).append_text(right)


class KeyBar(Lines):
    """The keys that fit; help and leaving are always among them."""

    DEFAULT_CSS = "KeyBar { height: 1; }"

    def show_keys(
        self, screen: str, labels: dict[str, str], steerable: bool, mapped: dict[str, str]
    ) -> None:
        """Show the keys of a screen, dim those that cannot act on a run now."""
        if not self.stale(screen, dict(labels), steerable):
            return
        entries = [self._entry(entry, steerable) for entry in footer(screen, labels, mapped)]
        ending = Text("").join(entries[-_ALWAYS:])
        row = Text("")
        for entry in entries[:-_ALWAYS]:
            if row.cell_len + entry.cell_len + ending.cell_len <= self.size.width:
                row.append_text(entry)
        self.show([row.append_text(ending)])

    def _entry(self, entry: tuple[str, str, Key], steerable: bool) -> Text:
        name, label, key = entry
        styles, dim = self.theme_styles, key.steers and not steerable
        text = Text("").append(f" {name}", styles.muted if dim else styles.key)
        return text.append(f" {label} ", styles.frame if dim else styles.muted)
