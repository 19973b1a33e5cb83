"""A comparison: runs and groups of runs side by side at one moment, ready to be drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from asgml.storage.format.manifest import Manifest
from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ENDED
from asgml.tui.scene.panels import Panel
from asgml.tui.scene.run_data import RunData

if TYPE_CHECKING:
    from asgml.storage.runs.record import RunRecord
    from asgml.storage.statistics.result_table import ResultTable

LETTERS = "ABCDEFGH"
MOST = len(LETTERS)
"""The most runs or groups that are drawn together."""


@dataclass(frozen=True, eq=False)
class ComparedRun:
    """One run at a moment. `known` has the columns that tell something by now."""

    record: RunRecord
    state: str
    step: int
    manifest: Manifest
    data: RunData
    known: frozenset[str]

    @property
    def sign(self) -> tuple[object, ...]:
        """Facts that differ when the run has other rows than before."""
        tables = self.data.tables
        return (self.record.name, *((table.rows, table.signature) for table in tables.values()))


@dataclass(frozen=True)
class Subject:
    """What one colour stands for: a run, or a group of runs equal but for the seed.

    `place` chooses colour and letter, and is kept when another subject goes away. `mark`: what
    keeps its numbers from being compared with those of the first one, "" for nothing.
    """

    place: int
    name: str
    runs: tuple[ComparedRun, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    mark: str = ""

    @property
    def letter(self) -> str:
        return LETTERS[self.place]

    @property
    def is_group(self) -> bool:
        return len(self.runs) > 1

    @property
    def sign(self) -> tuple[object, ...]:
        """Facts that differ when any of its runs has other rows than before."""
        return (self.place, self.name, *(run.sign for run in self.runs))

    def has(self, column: str) -> bool:
        """Return True where a run has told something in this column."""
        return any(column in run.known for run in self.runs)

    def reach(self, axis: str) -> tuple[float, float] | None:
        """Return the smallest and the largest x value, None without rows."""
        found = [reach for run in self.runs if (reach := run.data.reach(axis)) is not None]
        if not found:
            return None
        return min(first for first, _ in found), max(last for _, last in found)


@dataclass(frozen=True)
class Comparison:
    """One moment of a comparison.

    `differing` has the settings that are not the same in all subjects. `problems` are lines on runs
    that cannot be read, `left_out` subjects beyond the most, `unread` runs that are still to come.
    """

    subjects: tuple[Subject, ...] = ()
    panels: tuple[Panel, ...] = ()
    differing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    table: ResultTable | None = None
    grouped: bool = False
    left_out: int = 0
    unread: int = 0

    def shown(self, hidden: set[int]) -> list[Subject]:
        """Return the subjects whose places are not hidden."""
        return [subject for subject in self.subjects if subject.place not in hidden]

    @property
    def runs(self) -> int:
        return sum(len(subject.runs) for subject in self.subjects)


def reach_of(subjects: Sequence[Subject], axis: str) -> tuple[float, float] | None:
    """Return the smallest and the largest x value of all subjects, None without rows."""
    found = [reach for subject in subjects if (reach := subject.reach(axis)) is not None]
    low = min((first for first, _ in found), default=math.nan)
    return (low, max(last for _, last in found)) if found else None


def has_ended(subjects: Sequence[Subject]) -> bool:
    """Return True where no run of the subjects gets another row."""
    return all(run.state in ENDED for subject in subjects for run in subject.runs)


def letter_of(comparison: Comparison, name: str) -> str:
    """Return the letter of the subject with this name, else the name as it can be shown."""
    found = (subject.letter for subject in comparison.subjects if subject.name == name)
    return next(found, safe(name))
