"""The metrics of a run as two JSON texts, which are decoded when a metric is first looked at.

The names of the columns, their tables and units are the same for most runs of a folder: they are
one text, decoded once. The other text has the numbers. 10,000 runs have a million metrics; as an
object each they would take longer than all the rest of a table.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from asgml.storage.runs.record import Observed

SHAPE = ("table", "unit", "better")
NUMBERS = ("last", "best", "best_step")


def pack(metrics: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """Return the texts of shape and numbers of a summary's metrics."""
    shape = [list(metrics), *([each[key] for each in metrics.values()] for key in SHAPE)]
    numbers = [[each[key] for each in metrics.values()] for key in NUMBERS]
    return _text(shape), _text(numbers)


def unpack(shape: str, numbers: str) -> dict[str, dict[str, Any]]:
    """Return the metrics of a summary, as they were packed."""
    names, *attributes = json.loads(shape)
    keys = (*NUMBERS, *SHAPE)
    columns = list(zip(*json.loads(numbers), *attributes, strict=True))
    return {
        name: dict(zip(keys, each, strict=True)) for name, each in zip(names, columns, strict=True)
    }


class PackedMetrics(Mapping[str, Observed]):
    """Column → what was observed of it."""

    __slots__ = ("_numbers", "_shape", "_text")

    def __init__(self, shape: str, numbers: str) -> None:
        self._shape, self._text = shape, numbers
        self._numbers: list[list[Any]] | None = None

    def __getitem__(self, column: str) -> Observed:
        places, tables, betters = _shape_of(self._shape)
        place = places[column]
        if self._numbers is None:
            self._numbers, self._text = json.loads(self._text), ""
        last, best, step = (values[place] for values in self._numbers)
        return Observed(last, best, step, betters[place], tables[place])

    def __contains__(self, column: object) -> bool:
        return column in _shape_of(self._shape)[0]

    def __iter__(self) -> Iterator[str]:
        return iter(_shape_of(self._shape)[0])

    def __len__(self) -> int:
        return len(_shape_of(self._shape)[0])


@functools.lru_cache(maxsize=256)
def _shape_of(text: str) -> tuple[dict[str, int], list[str], list[str]]:
    """Return the place of each column, and the tables and better ends by place."""
    names, tables, _, betters = json.loads(text)
    return {name: place for place, name in enumerate(names)}, tables, betters


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
