"""The table of keys, and what dispatch, footer and help take from it."""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding, BindingType

from asgml.tui.keys.charts import CHART_KEYS
from asgml.tui.keys.comparison import COMPARISON_KEYS
from asgml.tui.keys.main_screen import LISTS, STEERING
from asgml.tui.keys.many_runs import MOVING_KEYS, PLAN_KEYS, RUN_LIST_KEYS
from asgml.tui.keys.row import EVERYWHERE, Key


def _always(id: str, keys: tuple[str, ...], help: str, footer: str = "") -> Key:
    return Key(id, keys, help, "browse", footer, screens=EVERYWHERE)


_ALWAYS = (
    Key("screenshot", ("W",), "write a picture of the screen as SVG", "browse"),
    _always("redraw", ("ctrl+l",), "draw the whole screen anew"),
    _always("suspend", ("ctrl+z",), "to the shell; `fg` comes back, and the training goes on"),
    _always("help", ("question_mark", "f1"), "this help", "help"),
    _always("palette", ("ctrl+p",), "search all commands", "cmd"),
    _always("detach", ("q", "ctrl+c"), "leave the dashboard; the training goes on", "detach"),
)
KEYS: tuple[Key, ...] = (
    *STEERING,
    *RUN_LIST_KEYS,
    *PLAN_KEYS,
    *MOVING_KEYS,
    *COMPARISON_KEYS,
    *CHART_KEYS,
    *LISTS,
    *_ALWAYS,
)
"""In the order of footer, help and manual."""

GROUPS = {
    "training": "Training",
    "replay": "Replay",
    "runs": "Run list",
    "plan": "Plan",
    "moving": "Moving in lists",
    "comparison": "Comparing runs",
    "charts": "Charts",
    "browse": "Looking around",
}

_IMPORTANT = (
    "pause", "play", "open", "compare", "mark", "edit", "stop", "step_back", "next_mark", "seek",
    "filter", "sort", "runs", "nudge_up", "events", "note", "checkpoint", "group", "cursor",
    "next_chart", "band", "delete", "tag",
)  # fmt: skip
"""Ids that stay longest in the bottom line where it gets narrow; the others follow in order."""

_FIRST = ("ctrl+c", "ctrl+z")
"""Keys that act also while a text field has the focus."""
_SYMBOLS = {
    "left_square_bracket": "[", "right_square_bracket": "]",
    "left_curly_bracket": "{", "right_curly_bracket": "}",
    "less_than_sign": "<", "greater_than_sign": ">",
    "comma": ",", "full_stop": ".", "colon": ":", "slash": "/", "question_mark": "?",
    "plus": "+", "minus": "-", "equals_sign": "=",
    "left": "←", "right": "→", "up": "↑", "down": "↓",
    "shift+left": "shift+←", "shift+right": "shift+→",
    "pageup": "pgup", "pagedown": "pgdn", "escape": "esc",
    "ctrl+l": "^l", "ctrl+p": "^p", "ctrl+z": "^z",
}  # fmt: skip


def keys_for(screen: str) -> list[Key]:
    """Return the rows of a screen; the main screen is `live` or `replay`, after its clock."""
    return [key for key in KEYS if screen in key.screens]


def bindings_for(screen: str) -> list[BindingType]:
    """Return the bindings Textual dispatches on."""
    return [
        Binding(name, f"do('{key.id}')", key.help, show=False, id=key.id, priority=name in _FIRST)
        for key in keys_for(screen)
        for name in key.keys
    ]


def shown(name: str) -> str:
    """Return a key as it is written on the keyboard."""
    return _SYMBOLS.get(name, name)


def shown_keys(key: Key) -> str:
    return " ".join(map(shown, key.keys))


def footer(
    screen: str, labels: Mapping[str, str], mapped: Mapping[str, str]
) -> list[tuple[str, str, Key]]:
    """Return (key, label, row) for the bottom line, in the order of the table.

    `labels` and `mapped` replace labels and keys by id.
    """
    return [
        (shown(mapped.get(key.id, key.keys[0])), labels.get(key.id, key.footer), key)
        for key in keys_for(screen)
        if key.footer
    ]


def importance(key: Key) -> int:
    """Return the place of a row in the order in which the bottom line takes it in."""
    return _IMPORTANT.index(key.id) if key.id in _IMPORTANT else len(_IMPORTANT)
