"""The manual of the keys: KEYS.md, one table for each group."""

from __future__ import annotations

from asgml.tui.keys.row import MAIN, Key
from asgml.tui.keys.table import GROUPS, KEYS, shown

_CLOCK_NAMES = {"live": "while watching", "replay": "in a replay"}
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
    return "\n".join([*lines, "", _REMAPPING, ""])


def _manual_row(key: Key) -> str:
    # a group of one clock is named after it
    clocks = [screen for screen in key.screens if screen in MAIN]
    told = len(clocks) == 1 and key.group not in ("training", "replay")
    where = f" ({_CLOCK_NAMES[clocks[0]]})" if told else ""
    names = " ".join(f"`{shown(name)}`" for name in key.keys)
    return f"| {names} | {key.help}{where} | `{key.id}` |"
