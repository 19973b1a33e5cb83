"""The one table of keys: dispatch, footer, help, command palette and KEYS.md are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Key:
    """One row: an id, its keys as Textual names them, and the texts the user reads about it.

    `KeyActions` of the main screen holds the handler of each id. `footer` is the label in the
    bottom line, empty where the row is only in the help. `steers` marks requests to the trainer.
    `clocks` are the clocks under which the row exists: watching, replaying, or both.
    """

    id: str
    keys: tuple[str, ...]
    help: str
    group: str
    footer: str = ""
    steers: bool = False
    clocks: tuple[str, ...] = ("live", "replay")


_LIVE, _REPLAY = ("live",), ("replay",)


def _training(id: str, key: str, help: str, footer: str = "", steers: bool = True) -> Key:
    return Key(id, (key,), help, "training", footer, steers, _LIVE)


def _replay(id: str, key: str, help: str, footer: str = "") -> Key:
    return Key(id, (key,), help, "replay", footer, clocks=_REPLAY)


_NUDGED = "enter sends it, esc forgets it"

KEYS: tuple[Key, ...] = (
    _training("pause", "space", "pause or resume the training", "pause"),
    _training("edit", "e", "edit a knob", "edit"),
    _training("nudge_down", "left_square_bracket", f"selected knob one step down; {_NUDGED}"),
    _training("nudge_up", "right_square_bracket", f"selected knob one step up; {_NUDGED}", "nudge"),
    _training("next_knob", "right_curly_bracket", "select the next knob", steers=False),
    _training("previous_knob", "left_curly_bracket", "select the knob before", steers=False),
    _training("checkpoint", "k", "save a checkpoint now", "ckpt"),
    _training("evaluate", "v", "evaluate now", "eval"),
    _training("note", "n", "write a note into the run's events", "note"),
    _training("stop", "S", "stop the training: a dialog asks how", "stop"),
    _replay("play", "space", "play or hold the replay", "play"),
    _replay("step_back", "comma", "one step back", "step"),
    _replay("step_on", "full_stop", "one step on"),
    _replay("step_back_10", "less_than_sign", "ten steps back"),
    _replay("step_on_10", "greater_than_sign", "ten steps on"),
    _replay("to_start", "home", "go to the first step"),
    _replay("to_end", "end", "go to the last step"),
    _replay("seek", "colon", "go to a step", "seek"),
    _replay("next_mark", "right_curly_bracket", "go to the next intervention", "next mark"),
    _replay("previous_mark", "left_curly_bracket", "go to the intervention before"),
    _replay("speed_1", "1", "play at 1×"),
    _replay("speed_2", "2", "play at 4×"),
    _replay("speed_3", "3", "play at 16×"),
    _replay("speed_4", "4", "play at 64×"),
    _replay("speed_5", "5", "play at 256×"),
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
    # twice: a replay needs comma and full stop for its steps
    Key("pan_back", ("comma", "shift+left"), "move the window back", "charts", clocks=_LIVE),
    Key("pan_on", ("full_stop", "shift+right"), "move the window on", "charts", clocks=_LIVE),
    Key("pan_back", ("shift+left",), "move the window back", "charts", clocks=_REPLAY),
    Key("pan_on", ("shift+right",), "move the window on", "charts", clocks=_REPLAY),
    Key("follow", ("f",), "follow the newest data", "charts"),
    Key("reset", ("r",), "reset zoom, window, scale and filter", "charts"),
    Key("cursor", ("c",), "cursor on all charts", "charts", "cursor"),
    Key("filter", ("slash",), "show only charts and metrics with these words", "charts", "filter"),
    Key(
        "overlay", ("o",), "lay another run under the charts, or take it away", "charts", "overlay"
    ),
    Key("freeze", ("F",), "freeze the view (the training goes on)", "charts"),
    Key("events", ("L",), "all events; enter jumps to one", "browse", "log"),
    Key("alerts", ("A",), "alerts only; enter jumps to one", "browse"),
    Key("runs", ("g",), "go to another run", "browse", "runs"),
    Key("export", ("w",), "write the metrics as CSV", "browse", "csv"),
    Key("screenshot", ("W",), "write a picture of the screen as SVG", "browse"),
    Key("redraw", ("ctrl+l",), "draw the whole screen anew", "browse"),
    Key("help", ("question_mark", "f1"), "this help", "browse", "help"),
    Key("palette", ("ctrl+p",), "search all commands", "browse", "cmd"),
    Key("detach", ("q", "ctrl+c"), "leave the dashboard; the training goes on", "browse", "detach"),
)
"""In the order of footer, help and manual."""

GROUPS = {
    "training": "Training",
    "replay": "Replay",
    "charts": "Charts",
    "browse": "Looking around",
}

_CLOCK_NAMES = {"live": "while watching", "replay": "in a replay"}
_REMAPPING = (
    "The id gives an action another key: `[keys]` in the settings file, "
    'for instance `x_axis = "X"`.'
)

_SYMBOLS = {
    "left_square_bracket": "[", "right_square_bracket": "]",
    "left_curly_bracket": "{", "right_curly_bracket": "}",
    "less_than_sign": "<", "greater_than_sign": ">",
    "comma": ",", "full_stop": ".", "colon": ":", "slash": "/", "question_mark": "?",
    "plus": "+", "minus": "-", "equals_sign": "=",
    "left": "←", "right": "→", "up": "↑", "down": "↓",
    "shift+left": "shift+←", "shift+right": "shift+→",
    "pageup": "pgup", "pagedown": "pgdn", "escape": "esc", "ctrl+l": "^l", "ctrl+p": "^p",
}  # fmt: skip


def keys_for(clock: str) -> list[Key]:
    """Return the rows that exist under a clock, `live` or `replay`."""
    return [key for key in KEYS if clock in key.clocks]


def bindings_for(clock: str) -> list[BindingType]:
    """Return the bindings Textual dispatches on."""
    return [
        # ctrl+c leaves also while a text field has the focus
        Binding(name, f"do('{key.id}')", key.help, show=False, id=key.id, priority=name == "ctrl+c")
        for key in keys_for(clock)
        for name in key.keys
    ]


def shown(name: str) -> str:
    """Return a key as it is written on the keyboard."""
    return _SYMBOLS.get(name, name)


def shown_keys(key: Key) -> str:
    return " ".join(map(shown, key.keys))


def footer(
    clock: str, labels: Mapping[str, str], mapped: Mapping[str, str]
) -> list[tuple[str, str, Key]]:
    """Return (key, label, row) for the bottom line, in the order of the table.

    `labels` and `mapped` replace labels and keys by id.
    """
    return [
        (shown(mapped.get(key.id, key.keys[0])), labels.get(key.id, key.footer), key)
        for key in keys_for(clock)
        if key.footer
    ]


def manual() -> str:
    """Return KEYS.md: one table for each group."""
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
    # a group of one clock is named after it
    both = len(key.clocks) > 1 or key.group in ("training", "replay")
    where = "" if both else f" ({_CLOCK_NAMES[key.clocks[0]]})"
    names = " ".join(f"`{shown(name)}`" for name in key.keys)
    return f"| {names} | {key.help}{where} | `{key.id}` |"


if __name__ == "__main__":
    print(manual(), end="")
