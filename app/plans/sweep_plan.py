"""The plan of a sweep, and the trials of it that lie in its folder already."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.app.errors import UserError
from asgml.app.plans.row_settings import settings_digest
from asgml.app.plans.search_space import Space
from asgml.app.plans.sweep_trial import Trial, TrialRun
from asgml.core.config.run_settings import RunSettings
from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths, list_runs
from asgml.storage.runs.settings import cell_digest, flatten

NAME = re.compile(r"trial-(\d{3,6})-s(\d{1,10})")
Make = Callable[[Mapping[str, Any], int], RunSettings]
"""Makes the settings of a run from the values that are tried and its seed."""


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep is to do."""

    name: str
    title: str
    data: str
    make: Make
    seeds: tuple[int, ...]
    trials: int
    prune: bool = True


def found_trials(plan: SweepPlan, spaces: Sequence[Space], folder: Path) -> tuple[list[Trial], int]:
    """Return the trials in a folder that belong to this sweep, and the largest number in use.

    A run belongs to it where its settings are those that the sweep would give it: one that was
    trained with other epochs, or another network, is left alone.
    """
    largest = 0
    trials: dict[int, Trial] = {}
    for paths in reversed(list_runs(folder)):
        found = NAME.fullmatch(paths.name)
        if found is None:
            continue
        number, seed = int(found[1]), int(found[2])
        largest = max(largest, number)
        values = _values_of(paths, seed, plan, spaces)
        trial = trials.get(number)
        if values is None or (trial is not None and trial.values != values):
            continue
        trial = trials.setdefault(number, Trial(number, values, dict.fromkeys(plan.seeds)))
        with suppress(FormatError, OSError):
            trial.runs[seed] = TrialRun(paths)
    ordered = [trials[number] for number in sorted(trials)]
    return [trial for trial in ordered if trial.begun], largest


def _values_of(
    paths: RunPaths, seed: int, plan: SweepPlan, spaces: Sequence[Space]
) -> dict[str, Any] | None:
    """Return what a run of the sweep has tried; None for a run that is none of it."""
    try:
        settings = flatten(tomllib.loads(read_bounded(paths.config).decode()))
        values = {space.key: settings[space.key] for space in spaces}
        asked = plan.make(values, seed)
    except (FormatError, OSError, ValueError, RecursionError, KeyError, UserError):
        return None
    same = cell_digest(settings) == settings_digest(asked)
    return values if same and seed in plan.seeds else None
