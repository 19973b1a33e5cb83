"""The one table of keys: dispatch, footer, help screen, command palette and the manual are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Key:
    """One action: its id (for remapping), its keys as Textual names them, and what a person reads about it.

    `steers` marks what reaches the training; `footer` is its word in the bottom line ("" = only in the help).
    `clocks` says where it exists: when watching, when replaying, or in both.
    """

    id: str
    keys: tuple[str, ...]
    help: str
    group: str
    footer: str = ""
    steers: bool = False
    clocks: tuple[str, ...] = ("live", "replay")


_LIVE, _REPLAY = ("live",), ("replay",)

KEYS: tuple[Key, ...] = (
    Key("pause", ("space",), "pause or resume the training", "training", "pause", True, _LIVE),
    Key("edit", ("e",), "edit a knob", "training", "edit", True, _LIVE),
    Key(
        "nudge_down",
        ("left_square_bracket",),
        "selected knob one step down; enter sends it, esc forgets it",
        "training",
        "",
        True,
        _LIVE,
    ),
    Key(
        "nudge_up",
        ("right_square_bracket",),
        "selected knob one step up; enter sends it, esc forgets it",
        "training",
        "nudge",
        True,
        _LIVE,
    ),
    Key(
        "next_knob", ("right_curly_bracket",), "select the next knob", "training", "", False, _LIVE
    ),
    Key(
        "previous_knob",
        ("left_curly_bracket",),
        "select the knob before",
        "training",
        "",
        False,
        _LIVE,
    ),
    Key("checkpoint", ("k",), "save a checkpoint now", "training", "ckpt", True, _LIVE),
    Key("evaluate", ("v",), "evaluate now", "training", "eval", True, _LIVE),
    Key("note", ("n",), "write a note into the run's events", "training", "note", True, _LIVE),
    Key("stop", ("S",), "stop the training: a dialog asks how", "training", "stop", True, _LIVE),
    Key("play", ("space",), "play or hold the replay", "replay", "play", False, _REPLAY),
    Key("step_back", ("comma",), "one step back", "replay", "step", False, _REPLAY),
    Key("step_on", ("full_stop",), "one step on", "replay", "", False, _REPLAY),
    Key("step_back_10", ("less_than_sign",), "ten steps back", "replay", "", False, _REPLAY),
    Key("step_on_10", ("greater_than_sign",), "ten steps on", "replay", "", False, _REPLAY),
    Key("to_start", ("home",), "go to the first step", "replay", "", False, _REPLAY),
    Key("to_end", ("end",), "go to the last step", "replay", "", False, _REPLAY),
    Key("seek", ("colon",), "go to a step", "replay", "seek", False, _REPLAY),
    Key(
        "next_mark",
        ("right_curly_bracket",),
        "go to the next intervention",
        "replay",
        "next mark",
        False,
        _REPLAY,
    ),
    Key(
        "previous_mark",
        ("left_curly_bracket",),
        "go to the intervention before",
        "replay",
        "",
        False,
        _REPLAY,
    ),
    Key("speed_1", ("1",), "play at 1×", "replay", "", False, _REPLAY),
    Key("speed_2", ("2",), "play at 4×", "replay", "", False, _REPLAY),
    Key("speed_3", ("3",), "play at 16×", "replay", "", False, _REPLAY),
    Key("speed_4", ("4",), "play at 64×", "replay", "", False, _REPLAY),
    Key("speed_5", ("5",), "play at 256×", "replay", "", False, _REPLAY),
    Key(
        "open", ("enter",), "chart on the whole screen; send a nudged knob", "charts", "zoom chart"
    ),
    Key("back", ("escape",), "back: close, cancel, leave the cursor", "charts"),
    Key("left", ("left",), "chart to the left; cursor to the left", "charts"),
    Key("right", ("right",), "chart to the right; cursor to the right", "charts"),
    Key("up", ("up",), "chart above", "charts"),
    Key("down", ("down",), "chart below", "charts"),
    Key("next_chart", ("tab",), "next chart", "charts", "chart"),
    Key("previous_chart", ("shift+tab",), "chart before", "charts"),
    Key("next_page", ("pagedown",), "next page of charts", "charts", "page"),
    Key("previous_page", ("pageup",), "page of charts before", "charts"),
    Key("x_axis", ("x",), "x axis: step, wall time, active time", "charts", "x axis"),
    Key("log_y", ("l",), "logarithmic y axis of the selected chart", "charts", "log y"),
    Key("smooth_more", ("plus", "equals_sign"), "smooth more", "charts", "smooth"),
    Key("smooth_less", ("minus",), "smooth less", "charts"),
    Key("smooth_none", ("0",), "no smoothing", "charts"),
    Key("zoom_in", ("z",), "zoom in", "charts", "zoom"),
    Key("zoom_out", ("Z",), "zoom out", "charts"),
    Key("pan_back", ("comma", "shift+left"), "move the window back", "charts", "", False, _LIVE),
    Key("pan_on", ("full_stop", "shift+right"), "move the window on", "charts", "", False, _LIVE),
    Key("pan_back", ("shift+left",), "move the window back", "charts", "", False, _REPLAY),
    Key("pan_on", ("shift+right",), "move the window on", "charts", "", False, _REPLAY),
    Key("follow", ("f",), "follow the newest data", "charts"),
    Key("reset", ("r",), "reset zoom, window, scale and filter", "charts"),
    Key("cursor", ("c",), "cursor on all charts", "charts", "cursor"),
    Key("filter", ("slash",), "show only charts and metrics with these words", "charts", "filter"),
    Key(
        "overlay", ("o",), "lay another run under the charts, or take it away", "charts", "overlay"
    ),
    Key("freeze", ("F",), "freeze the view (the training goes on)", "charts"),
    Key("events", ("L",), "all events; enter jumps to one", "look", "log"),
    Key("alerts", ("A",), "alerts only; enter jumps to one", "look"),
    Key("runs", ("g",), "go to another run", "look", "runs"),
    Key("export", ("w",), "write the metrics as CSV", "look", "csv"),
    Key("screenshot", ("W",), "write a picture of the screen as SVG", "look"),
    Key("redraw", ("ctrl+l",), "draw the whole screen anew", "look"),
    Key("help", ("question_mark", "f1"), "this help", "look", "help"),
    Key("palette", ("ctrl+p",), "search all commands", "look", "cmd"),
    Key("detach", ("q", "ctrl+c"), "leave the dashboard; the training goes on", "look", "detach"),
)

_WHERE = {"live": "while watching", "replay": "in a replay"}
_REMAPPING = 'The id gives an action another key: `[keys]` in the settings file, for instance `x_axis = "X"`.'

SPEEDS = {"speed_1": 1.0, "speed_2": 4.0, "speed_3": 16.0, "speed_4": 64.0, "speed_5": 256.0}
GROUPS = {"training": "Training", "replay": "Replay", "charts": "Charts", "look": "Looking around"}

_SHOWN = {
    "space": "space", "left_square_bracket": "[", "right_square_bracket": "]", "right_curly_bracket": "}", "left_curly_bracket": "{",
    "comma": ",", "full_stop": ".", "less_than_sign": "<", "greater_than_sign": ">", "colon": ":", "plus": "+", "equals_sign": "=",
    "minus": "-", "slash": "/", "question_mark": "?", "escape": "esc", "left": "←", "right": "→", "up": "↑", "down": "↓",
    "pageup": "pgup", "pagedown": "pgdn", "ctrl+c": "ctrl+c", "ctrl+p": "^p", "ctrl+l": "^l", "shift+left": "shift+←",
    "shift+right": "shift+→",
}  # fmt: skip


def keys_for(clock: str) -> list[Key]:
    """The rows of the table that exist under a clock, `live` or `replay`."""
    return [key for key in KEYS if clock in key.clocks]


def find_key(action: str) -> Key:
    return next(key for key in KEYS if key.id == action)


def bindings_for(clock: str) -> list[BindingType]:
    """What Textual dispatches on. `ctrl+c` works even while a text field has the focus."""
    return [
        Binding(name, f"do('{key.id}')", key.help, show=False, id=key.id, priority=name == "ctrl+c")
        for key in keys_for(clock)
        for name in key.keys
    ]


def shown(name: str) -> str:
    """A key as a person reads it on the keyboard."""
    return _SHOWN.get(name, name)


def shown_keys(key: Key) -> str:
    return " ".join(shown(name) for name in key.keys)


def footer(
    clock: str, words: Mapping[str, str], mapped: Mapping[str, str]
) -> list[tuple[str, str, Key]]:
    """(key, word, row) for the bottom line, in the order of the table. `words` and `mapped` replace words and keys by id."""
    return [
        (shown(mapped.get(key.id, key.keys[0])), words.get(key.id, key.footer), key)
        for key in keys_for(clock)
        if key.footer
    ]


def manual() -> str:
    """The manual's pages on keys, in Markdown: one table for each group."""
    lines = [
        "# Keys of the dashboard",
        "",
        "Made from the table in `keys.py` by `python -m asgml.tui.keys > tui/KEYS.md`.",
    ]
    for group, title in GROUPS.items():
        lines += ["", f"## {title}", "", "| key | what it does | id |", "| --- | --- | --- |"]
        lines += [_manual_row(key) for key in KEYS if key.group == group]
    return "\n".join([*lines, "", _REMAPPING, ""])


def _manual_row(key: Key) -> str:
    where = (
        ""
        if len(key.clocks) > 1 or key.group in ("training", "replay")
        else f" ({_WHERE[key.clocks[0]]})"
    )
    return (
        f"| {' '.join(f'`{shown(name)}`' for name in key.keys)} | {key.help}{where} | `{key.id}` |"
    )


if __name__ == "__main__":
    print(manual(), end="")
