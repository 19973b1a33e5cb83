"""The lines at the bottom: where a replay stands, and the keys that fit."""

from __future__ import annotations

from rich.text import Text

from asgml.tui.keys import Key, footer
from asgml.tui.scene.scene import Scene
from asgml.tui.terminal.format import count
from asgml.tui.widgets.lines import Lines


class TransportBar(Lines):
    """Where a replay stands. Not there while a run is watched live."""

    DEFAULT_CSS = "TransportBar { height: 1; }"

    def show_scene(self, scene: Scene) -> None:
        transport = scene.transport
        self.display = transport is not None
        if transport is None:
            return
        styles = self.theme_styles
        state = styles.glyph("▶", ">") if transport.playing else styles.glyph("‖", "=")
        left = Text("").append(
            f" {state} REPLAY {transport.speed:g}×",
            styles.good if transport.playing else styles.warn,
        )
        right = Text(f" row {count(transport.row)}/{count(transport.rows)} ", styles.text)
        width = max(self.size.width - left.cell_len - right.cell_len - 3, 0)
        place = round(transport.row / max(transport.rows, 1) * max(width - 1, 0))
        bar = (
            Text(" ")
            .append(styles.glyph("━", "=") * place, styles.key)
            .append(styles.glyph("●", "o"), styles.key)
        )
        self.show(
            [
                left.append_text(bar)
                .append(styles.glyph("─", "-") * max(width - 1 - place, 0), styles.frame)
                .append_text(right)
            ]
        )


class KeyBar(Lines):
    """The keys that fit; help and leaving are always among them."""

    DEFAULT_CSS = "KeyBar { height: 1; }"
    _drawn_for: object = None

    def show_keys(
        self, clock: str, words: dict[str, str], steerable: bool, mapped: dict[str, str]
    ) -> None:
        key = (clock, dict(words), steerable, self.size.width, self.theme_styles)
        if key == self._drawn_for:
            return
        self._drawn_for = key
        entries = footer(clock, words, mapped)
        last, first = entries[-3:], entries[:-3]
        row, ending = Text(""), Text("")
        for entry in last:
            ending.append_text(self._entry(entry, steerable))
        for entry in first:
            piece = self._entry(entry, steerable)
            if row.cell_len + piece.cell_len + ending.cell_len <= self.size.width:
                row.append_text(piece)
        self.show([row.append_text(ending)])

    def _entry(self, entry: tuple[str, str, Key], steerable: bool) -> Text:
        name, word, key = entry
        dim = key.steers and not steerable
        return (
            Text("")
            .append(f" {name}", self.theme_styles.muted if dim else self.theme_styles.key)
            .append(f" {word} ", self.theme_styles.frame if dim else self.theme_styles.muted)
        )
