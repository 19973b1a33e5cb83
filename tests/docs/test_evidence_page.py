"""The tables of docs/evidence.md are those of the stored results, with every row of its plan."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from asgml.app.plans.plan_file import read_plan
from asgml.app.plans.resolution import resolve
from asgml.app.plans.row_settings import Overrides
from asgml.app.reports.json_file import read_report

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def evidence() -> ModuleType:
    """Return docs/evidence/page.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("evidence_page", DOCS / "evidence" / "page.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_of_the_stored_results(evidence: ModuleType) -> None:
    text = (DOCS / "evidence.md").read_text(encoding="utf-8")
    assert evidence.page(text) == text


def test_the_stored_cells_are_those_that_the_plan_asks_for(evidence: ModuleType) -> None:
    plan = read_plan(str(DOCS / "evidence" / "plan.toml"))
    asked = {row.label for row in resolve(plan, Overrides(data="synthetic")).rows}
    stored = [DOCS / "evidence" / name / "report.json" for name in evidence.SETS]
    for path in [path for path in stored if path.is_file()]:
        rows = {row.label: row for row in read_report(path).parts[0].rows}
        assert {label for label in asked if not label.startswith("Only ")} <= set(rows)
        for row in rows.values():
            assert len(row.cells) == 5
            assert all(cell.state in ("finished", "ensemble") for cell in row.cells)
