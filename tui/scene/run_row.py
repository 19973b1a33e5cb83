"""A line of the run list: one run, or a group of runs whose settings are equal but for the seed."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.storage.format.safe_text import one_line
from asgml.storage.format.status import ALIVE, ENDED_WELL, UNHEARD
from asgml.storage.runs.groups import seeds_text
from asgml.storage.runs.lookup import value_of
from asgml.storage.runs.record import RunRecord


@dataclass(frozen=True)
class ListRow:
    """One line: the runs that it stands for. `member`: one run of the unfolded group above it."""

    name: str
    records: tuple[RunRecord, ...]
    member: bool = False
    unfolded: bool = False

    @property
    def key(self) -> tuple[Path, bool]:
        """The line's identity from one list to the next."""
        return self.records[0].path, self.member

    @property
    def paths(self) -> list[Path]:
        return [record.path for record in self.records]

    @property
    def single(self) -> bool:
        return len(self.records) == 1

    @property
    def states(self) -> list[tuple[str, int]]:
        """The states of the runs with their numbers, the most frequent first."""
        return Counter(record.state for record in self.records).most_common()

    @property
    def seeds(self) -> str:
        """The seeds as `0–4, 7`."""
        return seeds_text([record.seed for record in self.records if record.seed is not None])

    @property
    def epochs(self) -> str:
        """The epochs begun, counted from 1; from the least to the most."""
        begun = [epochs_of(record) for record in self.records]
        known = [epoch for epoch in begun if epoch is not None]
        if not known:
            return "–"
        low, high = min(known), max(known)
        return str(high) if low == high else f"{low}–{high}"

    @property
    def when(self) -> float | None:
        """Unix seconds of the newest sign of life, else of the start."""
        signs = [record.updated or record.started for record in self.records]
        return max((sign for sign in signs if sign is not None), default=None)

    @property
    def parent(self) -> str:
        """The run and step that the line was forked from; "" for none."""
        forked = [record.parent for record in self.records if record.parent]
        return parent_text(forked[0]) if forked else ""

    @property
    def alive(self) -> bool:
        """True where a trainer is, or may be, at work."""
        return any(record.state in ALIVE | UNHEARD for record in self.records)


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (n-1) of a number over the runs of a line.

    `settled`: the runs have ended well. Those that have not are left out where others have.
    """

    mean: float
    std: float
    n: int
    settled: bool


def spread_of(records: Sequence[RunRecord], name: str) -> Spread | None:
    """Return the spread of a metric or setting, None where no run has a finite number of it."""
    ended = [record for record in records if record.state in ENDED_WELL]
    for settled, chosen in ((True, ended), (False, records)):
        numbers = [number_of(record, name) for record in chosen]
        finite = [number for number in numbers if math.isfinite(number)]
        if finite:
            std = statistics.stdev(finite) if len(finite) > 1 else math.nan
            return Spread(statistics.fmean(finite), std, len(finite), settled)
    return None


def number_of(record: RunRecord, name: str) -> float:
    """Return a metric or setting of a run as a number, NaN where it is none."""
    value = value_of(record, name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    return float(value)


def epochs_of(record: RunRecord) -> int | None:
    """Return the number of epochs begun, None while nothing is known."""
    if record.epoch is None:
        return None
    return record.epoch + 1 if record.step else record.epoch


def parent_text(parent: Mapping[str, Any]) -> str:
    """Return `fork of NAME @ STEP` from a manifest's record of its parent, which is untrusted."""
    name = one_line(parent.get("name") or parent.get("run") or "another run")
    step = parent.get("step")
    return f"fork of {name}" + (f" @ {step}" if isinstance(step, int) else "")
