"""docs/plans.md: its examples are plans, its tables name every key there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from tree import ROOT

from asgml.app.plans.plan_file import parse_plan, plan_names
from asgml.app.plans.plan_schema import PlanFile, Row, Tune, TuneKey
from asgml.app.plans.resolution import resolve
from asgml.app.plans.row_settings import Overrides, RowSettings
from asgml.app.plans.tuned_rows import trial_count

PAGE = (ROOT / "docs" / "plans.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_is_a_plan(number: int, tmp_path: Path) -> None:
    (tmp_path / "CREMA-D" / "AudioWAV").mkdir(parents=True)
    text = EXAMPLES[number].replace("/data/CREMA-D", str(tmp_path / "CREMA-D"))
    plan = parse_plan(text, "example")
    assert len(resolve(plan).cells) >= 2 * len(plan.seeds)
    trials = trial_count(RowSettings(plan, Overrides()))
    assert trials == (2 * 8 * 2 if plan.tune else 0)


@pytest.mark.parametrize("table", [PlanFile, Row, Tune, TuneKey])
def test_every_key_is_explained(table: type[BaseModel]) -> None:
    keys = {info.alias or name for name, info in table.model_fields.items()} - {"row", "tune"}
    assert [key for key in sorted(keys) if f"`{key}" not in PAGE] == []


def test_every_plan_that_is_named_ships() -> None:
    named = re.findall(r"asgml ablate ([a-z0-9-]+)(?: |$)", PAGE)
    assert named and set(named) <= set(plan_names())
