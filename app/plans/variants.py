"""The variants that a plan's rows stand for: one for each combination, one for each modality."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from asgml.app.errors import UserError
from asgml.app.plans.names import grid_label
from asgml.app.plans.plan_schema import EACH, PlanFile, Row

MOST = 1000


@dataclass(frozen=True)
class Variant:
    """One row of the table to be: its label, and what it sets beyond the whole plan's settings.

    `row` is the label of the plan's row that it comes from, `grid` the part of its settings that
    the grid gave, `members` the labels of an ensemble's variants.
    """

    label: str
    row: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    grid: Mapping[str, Any] = field(default_factory=dict)
    alone: str = ""  # the modality that is trained alone, "" for none
    references: bool = False
    members: tuple[str, ...] = ()


def expand(plan: PlanFile, modalities: Callable[[], tuple[str, ...]]) -> list[Variant]:
    """Return the variants of all rows. `modalities` are asked for where a row needs them.

    Raise UserError for two of one label, or an ensemble of rows that are not there.
    """
    _refuse_too_many(plan)
    found = [variant for row in plan.rows for variant in _of_row(row, modalities)]
    labels = [variant.label for variant in found]
    if repeated := [label for label, count in Counter(labels).items() if count > 1]:
        raise UserError(f"plan {plan.name}: two rows are labelled {repeated[0]!r}; rename one")
    if plan.baseline and plan.baseline not in labels:
        listed = ", ".join(labels[:6])
        raise UserError(
            f"plan {plan.name}: baseline = {plan.baseline!r} is no row; there are {listed}"
        )
    rows = {row.label: row for row in plan.rows}
    return [_with_members(plan, one, rows[one.row], found) for one in found]


def _refuse_too_many(plan: PlanFile) -> None:
    """Raise UserError where the grids make too many rows: counted before any of them is made."""
    count = sum(math.prod(len(values) for values in row.grid.values()) for row in plan.rows)
    if count > MOST:
        raise UserError(f"plan {plan.name}: {count} rows; expected at most {MOST}")


def _of_row(row: Row, modalities: Callable[[], tuple[str, ...]]) -> list[Variant]:
    combinations = itertools.product(*row.grid.values())
    grids = [dict(zip(row.grid, values, strict=True)) for values in combinations]
    names = modalities() if row.alone is True else (str(row.alone or ""),)
    return [_variant(row, modality, grid) for modality in names for grid in grids]


def _variant(row: Row, modality: str, grid: Mapping[str, Any]) -> Variant:
    label = f"{row.label} {modality}" if row.alone is True else row.label
    alone = {"modalities": [modality], "method": "baseline"} if modality else {}
    settings = {**alone, **row.settings, **grid}
    return Variant(grid_label(label, grid), row.label, settings, grid, modality, row.references)


def alone_by_modality(plan: PlanFile, variants: list[Variant]) -> dict[str, Variant]:
    """Return the variant that trains each modality alone.

    Raise UserError where a modality has two, and where there is none at all.
    """
    found: dict[str, Variant] = {}
    for variant in variants:
        if variant.alone and (other := found.setdefault(variant.alone, variant)) is not variant:
            raise UserError(
                f"plan {plan.name}: {other.label!r} and {variant.label!r} both train "
                f"{variant.alone} alone, so which one is meant is not known; keep one"
            )
    if not found:
        raise UserError(
            f"plan {plan.name}: no row trains a modality alone; add one with alone = true"
        )
    return found


def _with_members(plan: PlanFile, variant: Variant, row: Row, all_: list[Variant]) -> Variant:
    """Return an ensemble with the labels of its members; any other variant as it is."""
    if not row.ensemble:
        return variant
    if row.ensemble == EACH:
        members = [one.label for one in alone_by_modality(plan, all_).values()]
    else:
        members = [
            label for name in row.ensemble for label in _labels_of(plan, variant, name, all_)
        ]
    if len(set(members)) < 2:
        raise UserError(
            f"plan {plan.name}, row {variant.label!r}: an ensemble of {len(set(members))}; "
            "name two rows or more"
        )
    return Variant(variant.label, variant.row, members=tuple(dict.fromkeys(members)))


def _labels_of(plan: PlanFile, variant: Variant, name: str, all_: list[Variant]) -> list[str]:
    """Return the labels that a member's name means: one variant, or all of a row."""
    found = [one for one in all_ if one.label == name] or [one for one in all_ if one.row == name]
    ensembles = {row.label for row in plan.rows if row.ensemble}
    if not found or found[0].row in ensembles:
        what = "is an ensemble itself" if found else "is no row"
        raise UserError(
            f"plan {plan.name}, row {variant.label!r}: ensemble names {name!r}, which {what}; "
            f"there are {', '.join(one.label for one in all_ if one.row not in ensembles)}"
        )
    return [one.label for one in found]
