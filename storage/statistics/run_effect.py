"""The effect of a run, read from its folder: at the chosen epoch, or at the newest evaluation."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asgml.storage.format.layout import RunPaths
from asgml.storage.runs.index import read_records
from asgml.storage.runs.reading import UNREADABLE
from asgml.storage.runs.record import RunRecord
from asgml.storage.statistics.effect import Effect, effect_of
from asgml.storage.statistics.result import FINISHED
from asgml.storage.statistics.run_curves import value_at_step

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


def effect_in_folder(run: Path) -> Effect:
    """Return how the run in this directory differs from the baseline runs that lie beside it.

    A run that has not finished is compared at its newest evaluation, with every baseline run as it
    was at that step. Raise KeyError where the directory holds no run.
    """
    records = read_records(run.parent)
    record = next((each for each in records if each.path.name == run.name), None)
    if record is None:
        raise KeyError(f"no run in {run}")
    if record.state == FINISHED:
        return effect_of(record, records)
    return effect_at(record, records, _newest_evaluation(record))


def effect_at(record: RunRecord, records: Sequence[RunRecord], step: int) -> Effect:
    """Return the effect at a step. A baseline run that has not come so far does not count."""
    opened = functools.cache(_opened)

    def value(of: RunRecord, column: str) -> float:
        if of.step is None or of.step < step:
            return math.nan
        run = opened(of.path)
        return math.nan if run is None else value_at_step(run, column, step)

    return effect_of(record, records, value, step=step)


def _newest_evaluation(record: RunRecord) -> int:
    """Return the step of the newest row of `epochs`, the newest step where that is not known."""
    run = _opened(record.path)
    if run is None or not run.rows("epochs"):
        return record.step or 0
    return int(run.column("epochs", "step")[-1])


def _opened(path: Path) -> Run | None:
    from asgml.storage.read.reader import Run

    try:
        run = Run.open(RunPaths(path))
        run.refresh()
    except UNREADABLE:
        return None  # a run that cannot be read has no value, and is marked in every list
    return run
