"""The value of a group under a name: mean and spread of a number, or what all its runs share."""

from __future__ import annotations

import math
import statistics
from typing import NamedTuple

from asgml.storage.runs.groups import RunGroup
from asgml.storage.runs.lookup import Value, is_known, value_of
from asgml.storage.runs.record import RunRecord


class GroupValue(NamedTuple):
    """Mean and standard deviation (n - 1) of n runs; NaN where there are too few."""

    n: int
    mean: float
    std: float


def numbers_of(group: RunGroup, name: str) -> list[float]:
    """Return the numbers under a name of the runs that count, those without one left out."""
    values = [value_of(record, name) for record in counted(group)]
    numbers = [value for value in values if isinstance(value, (int, float))]
    return [float(value) for value in numbers if math.isfinite(value)]


def value_of_group(group: RunGroup, name: str) -> GroupValue:
    """Return mean and spread of a number over the runs of a group that count."""
    known = numbers_of(group, name)
    mean = statistics.fmean(known) if known else math.nan
    return GroupValue(len(known), mean, statistics.stdev(known) if len(known) > 1 else math.nan)


def shared_value(group: RunGroup, name: str) -> Value:
    """Return the value that all runs of a group have under a name, None where they differ."""
    values = [value_of(record, name) for record in group.records]
    same = all(value == values[0] for value in values)
    return values[0] if same and is_known(values[0]) else None


def counted(group: RunGroup) -> list[RunRecord]:
    """Return the finished runs, all where none is: a run half trained is no measurement beside."""
    finished = [record for record in group.records if record.state == "finished"]
    return finished or list(group.records)
