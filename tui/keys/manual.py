"""The manual of the keys and of the words on the screens: KEYS.md, a table for each group."""

from __future__ import annotations

from asgml.tui.keys.row import COMPARISON, LIVE, MAIN, PLAN, REPLAY, RUN_LIST, Key
from asgml.tui.keys.table import GROUPS, KEYS, shown
from asgml.tui.keys.words import words_manual

_WHERE = {
    LIVE: "while watching",
    REPLAY: "in a replay",
    COMPARISON: "comparing runs",
    RUN_LIST: "in the list of runs",
    PLAN: "in a plan",
}
_OF_THEIR_SCREEN = ("training", "replay", "comparison")
"""Groups that are named after the screen of their rows."""
_REMAPPING = (
    "The id gives an action another key: `[keys]` in the settings file, "
    'for instance `x_axis = "X"`.'
)


def manual() -> str:
    """Return KEYS.md: one table for each group."""
    lines = [
        "# Keys of the dashboard",
        "",
        "Made from the table in `keys/` by `python -m asgml.tui.keys > tui/KEYS.md`.",
    ]
    for group, title in GROUPS.items():
        lines += ["", f"## {title}", "", "| key | what it does | id |", "| --- | --- | --- |"]
        lines += [_manual_row(key) for key in KEYS if key.group == group]
    return "\n".join([*lines, "", _REMAPPING, "", *words_manual(), ""])


def _manual_row(key: Key) -> str:
    told = key.group not in _OF_THEIR_SCREEN and not set(MAIN) <= set(key.screens)
    where = f" ({', '.join(_WHERE[screen] for screen in key.screens)})" if told else ""
    names = " ".join(f"`{shown(name)}`" for name in key.keys)
    return f"| {names} | {key.help}{where} | `{key.id}` |"
