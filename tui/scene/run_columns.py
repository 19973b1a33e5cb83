"""The columns of the run list: which are shown in how many cells, and the text of each cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asgml.storage.format.safe_text import one_line
from asgml.storage.format.value_text import number
from asgml.storage.runs.columns import LONGEST_HEADING, headings
from asgml.storage.runs.lookup import value_of
from asgml.tui.scene.run_row import ListRow, Spread, spread_of

MEASURED = {"val": 11, "test": 11, "gap": 6}
"""Metrics that are always offered, by their short names, with their cells."""
_FIXED = {"state": 10, "epoch": 6, "when": 6, "seeds": 6, "protocol": 8}
_ORDER = ("state", "epoch", "val", "test", "gap", "protocol", "", "when", "seeds")
"""Columns from left to right; "" stands for the settings that differ."""
_BY_WORTH = ("state", "val", "test", "epoch", "when", "protocol", "seeds", "gap")
"""The most important first: where it gets narrow, the last ones go."""
_TEXTS = frozenset({"state", "when", "protocol", "seeds"})
_MEANS = frozenset({"gap", "seconds"})
"""Columns with no deviation beside the mean."""
_SETTING, _METRIC = 10, 11
"""Most cells of a setting's value, cells of another metric."""
_LEAST_NAME, _MOST_NAME = 18, 44


@dataclass(frozen=True)
class Column:
    """A column by the name of its value; numbers stand on the right of their cells."""

    key: str
    title: str
    width: int
    setting: bool = False

    @property
    def right(self) -> bool:
        return self.key not in _TEXTS and not self.setting


@dataclass(frozen=True)
class Differing:
    """A setting that differs between the lines, and the most cells that one of its values takes."""

    key: str
    title: str
    width: int


def choose_columns(
    width: int,
    longest_name: int,
    differing: Sequence[Differing],
    present: frozenset[str],
    sort: str,
) -> tuple[int, tuple[Column, ...]]:
    """Return the cells of the name and the columns that fit beside it, from left to right.

    `present` are the columns that have anything to show; `sort` is always among the columns.
    """
    wanted = [Column(key, key, _width_of(key)) for key in _BY_WORTH if key in present]
    settings = [Column(each.key, each.title, each.width, setting=True) for each in differing]
    wanted[4:4] = settings[:1]
    wanted += settings[1:]
    wanted = _with_sorted(wanted, sort)
    least = min(max(longest_name, 8), _LEAST_NAME)
    chosen: list[Column] = []
    for column in wanted:
        if least + sum(each.width + 1 for each in [*chosen, column]) <= width:
            chosen.append(column)
    name = width - sum(column.width + 1 for column in chosen)
    return min(name, max(longest_name, least, 8), _MOST_NAME), _ordered(chosen)


def _width_of(key: str) -> int:
    return _FIXED.get(key) or MEASURED.get(key) or _METRIC


def _with_sorted(wanted: list[Column], sort: str) -> list[Column]:
    """Return the columns with the one that is sorted by at the front."""
    if sort in ("", "name"):
        return wanted
    others = [column for column in wanted if column.key != sort]
    found = [column for column in wanted if column.key == sort]
    title = headings([sort])[sort]
    return [*(found or [Column(sort, title, max(_METRIC, min(len(title), 20)))]), *others]


def _ordered(chosen: Sequence[Column]) -> tuple[Column, ...]:
    place = {key: index for index, key in enumerate(_ORDER)}
    return tuple(sorted(chosen, key=lambda column: place.get(column.key, place[""])))


def differing_columns(
    keys: Sequence[str], settings: Sequence[Mapping[str, Any]]
) -> tuple[Differing, ...]:
    """Return the settings that differ as columns; those that most lines have come first."""
    shares = {key: sum(key in each for each in settings) for key in keys}
    ordered = sorted(keys, key=lambda key: (key != "method", -shares[key], keys.index(key)))
    titles = {key: one_line(short) for key, short in headings(ordered).items()}
    return tuple(
        Differing(key, titles[key], _setting_width(key, titles[key], settings)) for key in ordered
    )


def _setting_width(key: str, title: str, settings: Sequence[Mapping[str, Any]]) -> int:
    longest = max((len(setting_text(each.get(key))) for each in settings), default=0)
    most = 16 if key == "method" else _SETTING
    return max(min(longest, most), min(len(title), LONGEST_HEADING))


def setting_text(value: object) -> str:
    """Return a setting as a few characters; "" where the run has none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ",".join(setting_text(each) for each in value)
    return one_line(value)


def cell_text(row: ListRow, column: Column, now: float, plus_minus: str = "±") -> str:
    """Return what stands in a column of a line; the state is drawn by the widget."""
    match column.key:
        case "epoch":
            return row.epochs
        case "seeds":
            return row.seeds
        case "when":
            return when_text(row.when, now)
        case "protocol":
            return one_line(row.records[0].protocol or "")[:8]
    if column.setting:
        return setting_text(row.records[0].settings.get(column.key))
    spread = spread_of(row.records, column.key)
    if column.key in _MEANS and spread is not None:
        return short_number(spread.mean)
    return spread_text(spread, plus_minus) or _other(row, column.key)


def _other(row: ListRow, key: str) -> str:
    value = value_of(row.records[0], key)
    return "–" if value is None or isinstance(value, float) else setting_text(value)


def spread_text(spread: Spread | None, plus_minus: str = "±") -> str:
    """Return `.714 ±.017`, the mean alone for one run, "" where there is nothing."""
    if spread is None:
        return ""
    mean = short_number(spread.mean)
    if math.isnan(spread.std):
        return mean
    digits = len(mean.partition(".")[2]) if "e" not in mean else 3
    std = f"{spread.std:.{digits}f}" if digits else short_number(spread.std)
    return f"{mean} {plus_minus}{_without_zero(std)}"


def short_number(value: float) -> str:
    """Return a measured value in about three digits: .714, 1.04, 12.3."""
    if math.isfinite(value) and 1e-3 <= abs(value) < 1:
        return _without_zero(f"{value:.3f}")
    return number(value)


def _without_zero(text: str) -> str:
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return sign + (digits[1:] if digits.startswith("0.") else digits)


def when_text(then: float | None, now: float) -> str:
    """Return how long ago something was, in steps that change rarely: now, 5 min, 2 h, 3 d."""
    if then is None:
        return "–"
    seconds = now - then
    if seconds < 60:
        return "now"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes if minutes < 10 else minutes // 10 * 10} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"
