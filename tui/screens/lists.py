"""Lists on the whole screen: rows to choose from, and the help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from asgml.tui.keys.row import COMPARISON, MAIN, Key
from asgml.tui.keys.table import GROUPS, keys_for, shown, shown_keys
from asgml.tui.terminal.theme import Styles

_MOST = 1000
"""Rows that are offered; lists of events begin with the newest."""


class ListScreen(ModalScreen[int | None]):
    """Rows to choose from; the answer is the row's number."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", show=False),
        Binding("j", "cursor(1)", show=False),
        Binding("k", "cursor(-1)", show=False),
    ]

    def __init__(self, title: str, rows: Sequence[Text], hint: str, empty: str) -> None:
        super().__init__()
        self._title, self._rows, self._hint, self._empty = title, rows[:_MOST], hint, empty

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog list"):
            yield Static(Text(self._title, "bold"))
            if self._rows:
                yield OptionList(*(Option(row) for row in self._rows), markup=False)
            else:
                yield Static(Text(self._empty))
            yield Static(Text(self._hint), classes="hint")

    def action_cursor(self, step: int) -> None:
        for choices in self.query(OptionList):
            choices.action_cursor_down() if step > 0 else choices.action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_index)


class HelpScreen(ModalScreen[None]):
    """All keys, from the one table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "dismiss(None)", show=False)
    ]

    def __init__(self, screen: str, styles: Styles, mapped: dict[str, str]) -> None:
        super().__init__()
        self._keys_of, self._styles, self._mapped = screen, styles, mapped

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog list"), VerticalScroll():
            yield Static(help_text(self._keys_of, self._styles, self._mapped))


_CURVES = (
    "The bright curve is smoothed over the whole run, the dim one beneath it is what was recorded."
)

_COMPARED = (
    "Colour and letter name the run or group, dashes and the sign behind the letter the modality. "
    "Light dots are the band around the mean of a group. ≠ marks another protocol."
)


def help_text(screen: str, styles: Styles, mapped: dict[str, str]) -> Text:
    """Return the help of a screen: its rows of the table of keys, by group; signs on charts."""
    text = Text()
    for group, title in GROUPS.items():
        rows = [key for key in keys_for(screen) if key.group == group]
        if rows:
            text.append(f"{title}\n", styles.title)
        for key in rows:
            text.append(f"  {_names(key, mapped):<14}", styles.key)
            text.append(f"{key.help}\n", styles.text)
        if rows:
            text.append("\n")
    if screen == COMPARISON:
        return text.append(_COMPARED, styles.muted)
    if screen not in MAIN:
        return text
    text.append("Curves: ", styles.title)
    text.append(f"{_sign_legend(styles)}\n", styles.text)
    return text.append(_CURVES, styles.muted)


def _sign_legend(styles: Styles) -> str:
    glyphs = styles.glyphs
    signs = (
        (glyphs.mark, "a knob was changed"),
        (glyphs.pause, "a pause"),
        (glyphs.bad, "a value that is no finite number"),
    )
    return "   ".join(f"{sign} {meaning}" for sign, meaning in signs)


def _names(key: Key, mapped: dict[str, str]) -> str:
    return shown(mapped[key.id]) if key.id in mapped else shown_keys(key)
