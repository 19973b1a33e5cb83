"""The help: all keys of a screen, and on a second page the words on it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from asgml.tui.keys.row import COMPARISON, MAIN, Key
from asgml.tui.keys.table import GROUPS, keys_for, shown, shown_keys
from asgml.tui.keys.words import words_for
from asgml.tui.screens.dialog_sizes import HEIGHTS
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.scrolled import Scrolled

_TWO_COLUMNS = 104
"""Cells from which two columns stand side by side."""
_NAME = 15
"""Cells of the name of a key or of a short word."""
_BESIDE = 46
"""Cells from which a meaning stands beside its name, else under it."""
_MOVES = {
    "up,k": -1,
    "down,j": 1,
    "home": -10_000,
    "end": 10_000,
}
Block = list[Text]
"""Lines that stay together: a title with its rows."""


class HelpScreen(ModalScreen[None]):
    """Keys and words of a screen, from their tables."""

    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "dismiss(None)", show=False),
        Binding("tab,w,left,right", "turn", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        *(Binding(keys, f"move({rows})", show=False) for keys, rows in _MOVES.items()),
    ]

    def __init__(self, screen: str, styles: Styles, mapped: dict[str, str]) -> None:
        super().__init__()
        self._keys_of, self._styles, self._mapped = screen, styles, mapped
        self._words = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog list"):
            yield Static(id="title", markup=False)
            yield Scrolled()
            yield Static(Text("tab keys or words · ↑ ↓ move · esc back"), classes="hint")

    def draw(self) -> None:
        """Draw the page for the size there is."""
        if not self.is_mounted:
            return
        area = self.query_one(Scrolled)
        blocks = self._blocks(max(area.size.width, 20))
        title = "Words on this screen" if self._words else "Keys"
        self.query_one("#title", Static).update(Text(title, "bold"))
        area.show_lines(in_columns(blocks, area.size.width))

    def on_mount(self) -> None:
        self.call_after_refresh(self.draw)

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def action_turn(self) -> None:
        """Turn to the other page."""
        self._words = not self._words
        self.query_one(Scrolled).top = 0
        self.draw()

    def action_page(self, pages: int) -> None:
        area = self.query_one(Scrolled)
        area.move(pages * max(area.page - 1, 1))

    def action_move(self, rows: int) -> None:
        self.query_one(Scrolled).move(rows)

    def _blocks(self, width: int) -> list[Block]:
        cells = column_width(width)
        if self._words:
            return word_blocks(self._keys_of, self._styles, cells)
        return key_blocks(self._keys_of, self._styles, self._mapped, cells)


def column_width(width: int) -> int:
    """Return the cells of a column of the help."""
    return (width - 3) // 2 if width >= _TWO_COLUMNS else width


def key_blocks(screen: str, styles: Styles, mapped: dict[str, str], width: int) -> list[Block]:
    """Return the keys of a screen by group, then the signs on its charts."""
    blocks = []
    for group, title in GROUPS.items():
        rows = [key for key in keys_for(screen) if key.group == group]
        if rows:
            lines = [_named(_names(key, mapped), key.help, styles, width) for key in rows]
            blocks.append([Text(title, styles.title), *(line for part in lines for line in part)])
    return blocks + sign_blocks(screen, styles, width)


def word_blocks(screen: str, styles: Styles, width: int) -> list[Block]:
    """Return the words of a screen by their place on it."""
    blocks = []
    for place, words in groupby(words_for(screen), key=lambda word: word.place):
        block = [Text(f"{place[0].upper()}{place[1:]}", styles.title)]
        for word in words:
            block += _named(word.word, word.meaning, styles, width)
        blocks.append(block)
    return blocks


def _named(name: str, meaning: str, styles: Styles, width: int) -> Block:
    """Return a name with its meaning beside it, wrapped."""
    beside = _NAME + 2 if width >= _BESIDE else 4
    told = textwrap.wrap(meaning, max(width - beside, 10), break_on_hyphens=False)
    first = Text(f"  {name:<{beside - 2}}", styles.key)
    if len(name) < _NAME and width >= _BESIDE:
        first.append(told.pop(0), styles.text)
    return [first, *(Text(f"{'':{beside}}{line}", styles.text) for line in told)]


def in_columns(blocks: Sequence[Block], width: int) -> list[Text]:
    """Return the blocks below each other, in two columns of like length where they fit."""
    if width < _TWO_COLUMNS:
        return [line for block in blocks for line in [*block, Text("")]][:-1]
    total = sum(len(block) + 1 for block in blocks)
    left: Block = []
    right: Block = []
    for block in blocks:
        column = left if not right and len(left) + len(block) / 2 <= total / 2 else right
        column += [*block, Text("")]
    cells = column_width(width)
    rows = []
    for place in range(max(len(left), len(right)) - 1):
        row = left[place].copy() if place < len(left) else Text("")
        row.truncate(cells, overflow="ellipsis", pad=True)
        rows.append(row.append("   ").append_text(right[place] if place < len(right) else Text("")))
    return rows


_CURVES = (
    "The bright curve is smoothed over the whole run, the dim one beneath it is what was recorded."
)
_COMPARED = (
    "Colour and letter name the run or group, dashes and the sign behind the letter the modality. "
    "Light dots are the band around the mean of a group. ≠ marks another protocol."
)


def sign_blocks(screen: str, styles: Styles, width: int) -> list[Block]:
    """Return what the signs on the charts mean."""
    if screen == COMPARISON:
        return [[Text("Curves", styles.title), *_told(_COMPARED, styles, width)]]
    if screen not in MAIN:
        return []
    glyphs = styles.glyphs
    plain = glyphs.name == "ascii"
    signs = (
        (glyphs.mark, f"a knob was changed{'' if plain else ': ↑ up, ↓ down, → to the value'}"),
        (glyphs.pause, "a pause, a note, or a start from a checkpoint"),
        ("| >" if plain else "‖ ▶", "paused, training again, and how long it was paused"),
        ("note" if plain else "✎", "a note"),
        ("resumed", "the training went on from a checkpoint"),
        (glyphs.bad, "a value that is no finite number"),
    )
    rows = [line for sign in signs for line in _named(*sign, styles, width)]
    return [[Text("Curves", styles.title), *rows, *_told(_CURVES, styles, width)]]


def _told(text: str, styles: Styles, width: int) -> Block:
    return [Text(f"  {line}", styles.muted) for line in textwrap.wrap(text, max(width - 2, 10))]


def _names(key: Key, mapped: dict[str, str]) -> str:
    return shown(mapped[key.id]) if key.id in mapped else shown_keys(key)
