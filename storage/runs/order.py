"""The order of runs by a value: the better end of a metric first, runs without the value last."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from asgml.storage.runs.lookup import Value, better_end, is_known, value_of
from asgml.storage.runs.record import RunRecord

Item = TypeVar("Item")
FALLING = ("started", "updated")
"""Facts whose large values come first: the newest run is the one that is looked for."""


def sort_records(records: Iterable[RunRecord], name: str) -> list[RunRecord]:
    """Return the runs in the order of a name, `-name` from large to small, `+name` the other way.

    Without a sign a metric begins with its better end, times with the newest, all else with the
    smallest. Runs of the same value keep their order.
    """
    several = list(records)
    bare = name.lstrip("+-")
    return sorted_by(several, lambda run: value_of(run, bare), falls(several, name))


def sorted_by(items: Iterable[Item], value: Callable[[Item], Value], falling: bool) -> list[Item]:
    """Return items by a value each: numbers before texts, those without a value last."""
    known = [(value(item), item) for item in items]
    with_value = [(_key(each), item) for each, item in known if is_known(each)]
    with_value.sort(key=lambda pair: pair[0], reverse=falling)
    return [item for _, item in with_value] + [item for each, item in known if not is_known(each)]


def falls(records: Iterable[RunRecord], name: str) -> bool:
    """Return True where an order by this name begins with the largest value."""
    if name[:1] in ("+", "-"):
        return name[0] == "-"
    return name in FALLING or better_end(records, name) == "high"


def _key(value: Value) -> tuple[bool, float, str]:
    if isinstance(value, (int, float)):
        return False, float(value), ""
    return True, 0.0, str(value)
