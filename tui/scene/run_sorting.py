"""The user's choices for the run list, and the order of its lines under them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asgml.storage.runs.lookup import value_of
from asgml.tui.scene.run_columns import MEASURED, Differing
from asgml.tui.scene.run_row import ListRow, epochs_of, spread_of

_SAMPLED = 50
"""Lines whose metrics are offered for sorting."""


@dataclass(frozen=True)
class ListOptions:
    """The user's choices for the run list. `sort` is "" for the newest first."""

    filter_text: str = ""
    sort: str = ""
    descending: bool = True
    grouped: bool = True
    archived: bool = False
    trials: bool = False
    unfolded: frozenset[Path] = frozenset()
    """First runs of the groups whose runs are shown one by one."""


def sorted_lines(lines: list[ListRow], options: ListOptions) -> list[ListRow]:
    """Return the lines by the value of a column; those without one come last either way."""
    if not options.sort:
        return lines
    keyed = [(sort_key(line, options.sort), line) for line in lines]
    known = [(key, line) for key, line in keyed if key is not None]
    known.sort(key=lambda pair: pair[0], reverse=options.descending)
    return [line for _, line in known] + [line for key, line in keyed if key is None]


def sort_key(line: ListRow, sort: str) -> tuple[int, float, str] | None:
    """Return what a line is sorted by: numbers before texts; None where it has no value."""
    match sort:
        case "name":
            return 1, 0.0, line.name.casefold()
        case "state":
            return 1, 0.0, line.states[0][0]
        case "seeds":
            return 0, float(len(line.records)), ""
        case "when":
            return None if line.when is None else (0, line.when, "")
        case "epoch":
            epochs = [epoch for epoch in map(epochs_of, line.records) if epoch is not None]
            return (0, float(max(epochs)), "") if epochs else None
    if (spread := spread_of(line.records, sort)) is not None:
        return 0, spread.mean, ""
    value = value_of(line.records[0], sort)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return 1, 0.0, str(value)


def best_line(rows: Sequence[ListRow], options: ListOptions) -> int | None:
    """Return the place of the best line, None where no line has a value.

    By the metric that is sorted by, at the end that the sorting has first, else by `val`.
    """
    by_sort = options.sort not in ("", "name", "state", "when", "seeds", "epoch")
    name, high = (options.sort, options.descending) if by_sort else ("val", True)
    found = [
        (spread.mean if high else -spread.mean, -place)
        for place, row in enumerate(rows)
        if (spread := spread_of(row.records, name)) is not None and not row.member
    ]
    return -max(found)[1] if found else None


def sortable_columns(rows: Sequence[ListRow], differing: Sequence[Differing]) -> list[str]:
    """Return the names that lines can be sorted by, "" for the newest first; known ones first."""
    settings = [each.key for each in differing]
    metrics = dict.fromkeys(name for row in rows[:_SAMPLED] for name in row.records[0].metrics)
    always = ["", "name", "state", "epoch", *MEASURED, "when", "seeds", "seconds"]
    return list(dict.fromkeys([*always, *settings, *metrics]))
