"""Plan files: which variants of a training to compare, on which seeds; shipped ones and one's own.

    title = "Boost beside OGM-GE"
    recipe = "cremad-3f"
    seeds = 5
    baseline = "Baseline"
    [[row]]
    label = "Baseline"
    set = { method = "baseline" }

docs/plans.md describes every key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from asgml.app.errors import NotFoundError, UserError
from asgml.app.keys import nearest_of
from asgml.app.plans.plan_errors import one_line_of
from asgml.app.plans.plan_schema import PlanFile
from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.user_path import expand_user, why

SHIPPED = Path(__file__).parent / "shipped"
"""The directory of the shipped ones."""
MAX_BYTES = 1 << 20


def plan_names() -> list[str]:
    """Return the names of the shipped plans."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def plan_summaries() -> dict[str, str]:
    """Return {name: purpose} of the shipped plans: the first line of each, a comment."""
    return {name: _first_line(plan_text(plan_path(name))) for name in plan_names()}


def plan_path(ref: str) -> Path:
    """Return the file of a shipped plan, or the path of the user's own. Raise NotFoundError."""
    path = expand_user(ref, NotFoundError)
    if path.suffix == ".toml" or "/" in ref:
        if not path.is_file():
            raise NotFoundError(
                f"plan {ref!r}: no such file; `asgml ablate` lists the plans that are shipped"
            )
        return path
    if ref not in plan_names():
        nearest = nearest_of(ref, plan_names())
        raise NotFoundError(f"no plan {ref!r}: {nearest}; or give the path of a .toml file")
    return SHIPPED / f"{ref}.toml"


def plan_text(path: Path) -> str:
    """Return the text of a plan file. Raise UserError for one that cannot be read."""
    try:
        return read_bounded(path, MAX_BYTES).decode("utf-8")
    except (FormatError, OSError, UnicodeDecodeError) as error:
        raise UserError(f"plan {path}: {why(error)}; expected a small TOML file") from None


def read_plan(ref: str) -> PlanFile:
    """Return the checked plan that `ref` means: a shipped name, or a path.

    Raise NotFoundError where there is none, UserError with plan, place and fault for a bad one.
    """
    path = plan_path(ref)
    return parse_plan(plan_text(path), path.stem)


def parse_plan(text: str, name: str) -> PlanFile:
    """Return the checked plan in a TOML text; `name` is used where the text gives none.

    Raise UserError with plan, place and fault.
    """
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"plan {name}: {error}; expected TOML, see docs/plans.md") from None
    plan = check_plan(tree, name)
    plan._source = text
    return plan


def check_plan(tree: Mapping[str, Any], name: str) -> PlanFile:
    """Return the checked plan of tables such as TOML gives. Raise UserError as `parse_plan`."""
    try:
        plan = PlanFile.model_validate(dict(tree))
    except ValidationError as error:
        raise UserError(f"plan {name}: {one_line_of(error, tree)}") from None
    return plan.model_copy(update={"name": plan.name or name, "title": plan.title or name})


def _first_line(text: str) -> str:
    return text.partition("\n")[0].lstrip("# ").strip()
