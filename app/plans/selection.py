"""The part of a plan that is asked for, and what its trainers will import."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from asgml.app.errors import NotFoundError
from asgml.app.keys import nearest_of
from asgml.app.plans.cells import Cell, ResolvedPlan
from asgml.core.config.run_settings import RunSettings

SLOW_MODULES: dict[str, Callable[[RunSettings], bool]] = {
    "torchvision.models": lambda settings: "resnet18" in settings.encoder.values(),
    "sklearn.cluster": lambda settings: "relearning" in settings.method.split("+"),
}
"""What some trainings import, in seconds, beside what all of them do."""


def runs_of_rows(plan: ResolvedPlan, labels: Sequence[str]) -> frozenset[str]:
    """Return the names of the runs of these rows and of what they need; without labels, of all.

    Raise NotFoundError for a label that no row has.
    """
    known = [row.label for row in plan.rows]
    for label in labels:
        if label not in known:
            raise NotFoundError(f"--only {label!r}: no such row; {nearest_of(label, known)}")
    chosen = [cell for cell in plan.cells if not labels or cell.label in labels]
    return _with_needed(plan, chosen)


def rows_needed(plan: ResolvedPlan, labels: Sequence[str]) -> frozenset[str]:
    """Return the labels of these rows and of those that they need; without labels, of all."""
    runs = runs_of_rows(plan, labels)
    return frozenset(cell.label for cell in plan.cells if cell.run in runs)


def slow_modules(plan: ResolvedPlan) -> list[str]:
    """Return the modules that take seconds to import and that trainers of this plan need."""
    return slow_modules_of({cell.digest: cell.settings for cell in plan.cells}.values())


def slow_modules_of(every: Collection[RunSettings]) -> list[str]:
    """Return the modules that take seconds to import and that trainings of these settings need."""
    return [name for name, needs in SLOW_MODULES.items() if any(needs(each) for each in every)]


def _with_needed(plan: ResolvedPlan, cells: Sequence[Cell]) -> frozenset[str]:
    by_run = {cell.run: cell for cell in plan.cells}
    found: set[str] = set()
    left = [cell.run for cell in cells]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += by_run[name].after
    return frozenset(found)
