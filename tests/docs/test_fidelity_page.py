"""docs/fidelity.md: every method is compared, nothing on the page is older than the code."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import fidelity
import pytest

from asgml.core.methods.registry import METHODS

ELSEWHERE = ("g_blending", "mla", "reconboost", "aug")
"""Methods that are compared in test files of their own."""

TEXT = fidelity.PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def comparing() -> ModuleType:
    """The module of the comparing tests."""
    folder = Path(__file__).resolve().parents[1] / "core"
    sys.path[:0] = [str(folder), str(folder / "methods")]
    try:
        path = folder / "methods" / "test_fidelity.py"
        spec = importlib.util.spec_from_file_location("compared_methods", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module
    finally:
        del sys.path[:2]


def test_the_page_is_that_of_the_code() -> None:
    """But for the figures, which another processor rounds differently."""
    assert fidelity.page(fidelity.listed(TEXT)) == TEXT


def test_every_method_and_variant_is_compared() -> None:
    compared = {(row.method, row.setting) for row in fidelity.listed(TEXT)}
    assert {method for method, _ in compared} == {*METHODS}
    for method in METHODS.values():
        for knob in method.options:
            if knob.name.endswith(".variant"):
                settings = {setting for name, setting in compared if name == method.name}
                assert {f"variant={choice}" for choice in knob.choices} <= settings


def test_every_comparing_test_is_on_the_page(comparing: ModuleType) -> None:
    listed = [(row.method, row.setting) for row in fidelity.listed(TEXT)]
    tested = [(case.method, case.setting) for case in comparing.CASES]
    assert sorted(tested) == sorted(row for row in listed if row[0] not in ELSEWHERE)


def test_no_difference_is_more_than_rounding(comparing: ModuleType) -> None:
    compared = [row for row in fidelity.listed(TEXT) if row.method not in ELSEWHERE]
    assert len(compared) > 40 and max(row.difference for row in compared) < comparing.CLOSE
