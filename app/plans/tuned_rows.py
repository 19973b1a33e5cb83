"""The rows that a plan tunes, each with the values that are tried for it: one budget for all."""

from __future__ import annotations

from dataclasses import dataclass

from asgml.app.draft import Draft
from asgml.app.errors import UserError
from asgml.app.keys import resolve as full_key
from asgml.app.plans.names import slugs
from asgml.app.plans.plan_schema import Tune
from asgml.app.plans.row_settings import RowSettings
from asgml.app.plans.search_space import Space, grid, space_of
from asgml.app.plans.variants import Variant
from asgml.core.methods.spec import TEACHERS


@dataclass(frozen=True)
class TunedRow:
    """A row that is tuned: its variant, its part of the runs' names, and what is tried."""

    variant: Variant
    slug: str
    spaces: tuple[Space, ...]


def tuned_rows(rows: RowSettings) -> list[TunedRow]:
    """Return the rows that are tuned before they are trained; [] for a plan without tuning.

    Every row that trains, or those that `tune.rows` names. Settings of a method that a row does not
    use are not tried for it, nor those that its grid or the command line give. Raise UserError.
    """
    tune = rows.plan.tune
    if tune is None:
        return []
    _refuse_unknown(rows, tune)
    names = slugs(variant.label for variant in rows.variants)
    found = []
    for variant, name in zip(rows.variants, names, strict=True):
        if variant.members or not _is_named(variant, tune):
            continue
        spaces = _spaces(rows, variant, tune)
        if spaces:
            _refuse_pupils(rows, variant)
            found.append(TunedRow(variant, name, spaces))
    return found


def trial_count(rows: RowSettings) -> int:
    """Return the number of runs that the tuning of a plan asks for."""
    tune = rows.plan.tune
    if tune is None:
        return 0
    each = [_trials_of(row, tune) for row in tuned_rows(rows)]
    return sum(each) * len(tune.seeds)


def _trials_of(row: TunedRow, tune: Tune) -> int:
    return len(grid(row.spaces, tune.trials, "tune")) if tune.sampler == "grid" else tune.trials


def _spaces(rows: RowSettings, variant: Variant, tune: Tune) -> tuple[Space, ...]:
    draft = rows.draft_of(variant)
    where = f"plan {rows.plan.name}: tune"
    found = []
    for name, given in tune.keys.items():
        key = full_key(name, where, draft.others)
        if not _is_settled(key, draft):
            found.append(space_of(key, given, where))
    return tuple(found)


def _is_settled(key: str, draft: Draft) -> bool:
    """Return True for a setting without effect in a row, or which its grid or a flag gives."""
    origin = draft.origins.get(key, "")
    return key.partition(".")[0] in draft.others or origin == "grid" or origin.startswith("--")


def _is_named(variant: Variant, tune: Tune) -> bool:
    return not tune.rows or variant.label in tune.rows or variant.row in tune.rows


def _refuse_unknown(rows: RowSettings, tune: Tune) -> None:
    known = {name for variant in rows.variants for name in (variant.label, variant.row)}
    for name in tune.rows:
        if name not in known:
            listed = ", ".join(variant.label for variant in rows.variants[:6])
            raise UserError(
                f"plan {rows.plan.name}: tune.rows names {name!r}, which is no row; "
                f"there are {listed}"
            )


def _refuse_pupils(rows: RowSettings, variant: Variant) -> None:
    settings = rows.settings_of(variant)
    for method in settings.methods:
        if TEACHERS in method.required(settings.section(method.name)):
            raise UserError(
                f"plan {rows.plan.name}, row {variant.label!r}: {method.name} learns from runs "
                "that are trained after the tuning, so it cannot be tuned; "
                "name the rows to tune in tune.rows, without it"
            )
