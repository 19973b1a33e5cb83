"""The plan of a diagnosis: each modality alone, joint, joint with balancing, and the ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asgml.app.errors import UserError
from asgml.app.plans.cells import ResolvedPlan
from asgml.app.plans.names import slug
from asgml.app.plans.plan_file import check_plan
from asgml.app.plans.resolution import check_data, resolve
from asgml.app.plans.row_settings import Overrides

ALONE, JOINT, BALANCED, ENSEMBLE = "alone", "joint", "balanced", "ensemble"
PATIENCE = 10
"""Epochs without a better validation accuracy after which a run of a diagnosis ends."""


@dataclass(frozen=True)
class DiagnosisArguments:
    """What the command line gives to a diagnosis."""

    data: str | None
    recipe: str | None = None
    method: str | None = None
    seeds: int = 3
    epochs: int | None = None
    sets: tuple[str, ...] = ()


def diagnosis_plan(given: DiagnosisArguments, method: str) -> ResolvedPlan:
    """Return the plan. Its runs share encoders, epochs and optimizer, and never read test.

    Raise UserError where the arguments do not make one, or the data has a single modality.
    """
    overrides = Overrides(
        given.recipe, given.data, tuple(range(given.seeds)), given.sets, given.epochs
    )
    plan = resolve(check_plan(_tree(method), "diagnosis"), overrides)
    check_data(plan)
    if len(modalities_of(plan)) < 2:
        raise UserError(
            f"{plan.data} has one modality, {', '.join(modalities_of(plan))}: there is nothing to "
            "balance; expected two or more"
        )
    return plan


def modalities_of(plan: ResolvedPlan) -> tuple[str, ...]:
    """Return the modalities that the plan trains alone, in their order."""
    alone = (cell.settings.modalities[0] for cell in plan.cells if is_alone(cell))
    return tuple(dict.fromkeys(alone))


def is_alone(cell: Any) -> bool:
    """Return True for a cell of a modality alone."""
    return not cell.ensemble and len(cell.settings.modalities) == 1


def folder_name(data: str) -> str:
    """Return the name of the folder of a diagnosis: diagnosis-mosi for /data/mosi.npz."""
    last = data.rstrip("/").rpartition("/")[2].rpartition(":")[2]
    return f"diagnosis-{slug(last.removesuffix('.npz').removesuffix('.zarr'))}"


def _tree(method: str) -> dict[str, Any]:
    settings = {"early_stopping.patience": PATIENCE, "eval.test": "never"}
    return {
        "title": "Diagnosis",
        "metric": "val_accuracy",
        "baseline": JOINT,
        "set": settings,
        "row": [
            {"label": ALONE, "alone": True},
            {"label": JOINT, "set": {"method": "baseline"}, "references": True},
            {"label": BALANCED, "set": {"method": method}, "references": True},
            {"label": ENSEMBLE, "ensemble": "each_modality"},
        ],
    }
