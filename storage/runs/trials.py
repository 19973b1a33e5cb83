"""Tuning trials: runs of a plan that only choose settings, known by their place and name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from asgml.storage.runs.plan_record import is_plan
from asgml.storage.runs.record import RunRecord

TRIAL = "tune-"
"""Beginning of the names of tuning trials; in a plan's folder no other run's name has it."""
_NAME = re.compile(rf"{TRIAL}.+-\d+-s\d+(-\d\d)?")


def trial_name(row: str, trial: int, seed: int) -> str:
    """Return the name of the run of a tuning trial, given the slug of its row."""
    return f"{TRIAL}{row}-{trial}-s{seed}"


def is_trial(record: RunRecord) -> bool:
    """Return True for a run that lies in the folder of a plan and has the name of a trial."""
    if TRIAL not in record.name or not _NAME.fullmatch(record.path.name):
        return False
    return "/" in record.name or is_plan(record.path.parent)


def without_trials(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the runs that are no tuning trials."""
    return [record for record in records if not is_trial(record)]
