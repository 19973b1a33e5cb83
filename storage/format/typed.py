"""Checks of the types in a JSON record that others may have written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from asgml.storage.format.errors import FormatError

Check = Callable[[Any], bool]
MOST = 1 << 53
"""Bound of whole numbers: beyond it JSON of other programs, and float64, round them."""


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_whole(value: Any) -> bool:
    return type(value) is int and abs(value) <= MOST


def is_count(value: Any) -> bool:
    return is_whole(value) and value >= 0


def is_number(value: Any) -> bool:
    """Return True for a finite number that float64 holds."""
    if type(value) is int:
        return abs(value) < 1 << 1000
    return isinstance(value, float) and math.isfinite(value)


def is_time(value: Any) -> bool:
    """Return True for unix seconds before the year 10000, where calendars end."""
    return is_number(value) and 0 <= value < 253_402_300_800


def is_value(value: Any) -> bool:
    """Return True for what a knob may be set to."""
    return is_text(value) or is_flag(value) or is_number(value)


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def is_names(value: Any) -> bool:
    """Return True for a list of texts."""
    return is_list_of(is_text)(value)


def is_pair(value: Any) -> bool:
    """Return True for a list of two whole numbers."""
    return is_list_of(is_whole)(value) and len(value) == 2


def is_list_of(check: Check) -> Check:
    return lambda value: isinstance(value, (list, tuple)) and all(check(item) for item in value)


def or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def refuse_other_types(
    record: Any, checks: Mapping[str, Check], required: Iterable[str], what: str
) -> None:
    """Raise FormatError that names the first key that is missing or has a value of another type.

    Other keys may be absent; those that `checks` does not name are ignored.
    """
    if not isinstance(record, dict):
        raise FormatError(f"{what} cannot be {record!r:.60}")
    for key in required:
        if key not in record:
            raise FormatError(f"{what} lacks the key {key!r}")
    for key, check in checks.items():
        if key in record and not check(record[key]):
            raise FormatError(f"{what}: {key} cannot be {record[key]!r:.60}")
