"""The keys of the comparison of runs, beside those of every screen with charts."""

from __future__ import annotations

from asgml.tui.keys.row import COMPARISON, Key


def _row(id: str, key: str, help: str, footer: str = "") -> Key:
    return Key(id, (key,), help, "comparison", footer, screens=(COMPARISON,))


COMPARISON_KEYS: tuple[Key, ...] = (
    _row("group", "g", "runs that differ in their seed alone as one group, or each run", "group"),
    _row("band", "b", "band of a group: standard deviation, 95 % interval, none", "band"),
    _row("split", "m", "a chart for each modality, or all in one", "split"),
    _row("baseline", "a", "measure differences against the next run or group", "against"),
    _row("settings", "d", "all settings that differ, on the whole screen", "settings"),
    _row("statistics", "t", "the table of statistics on the whole screen", "table"),
    *(
        _row(f"hide_{number}", f"{number}", f"hide or show the {place} run or group")
        for number, place in enumerate(
            ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"), 1
        )
    ),
)
