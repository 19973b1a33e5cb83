"""Check the table of methods: formulas are complete, fit the terminal and are said once."""

from __future__ import annotations

import importlib
import re

import pytest

from asgml.core.methods.registry import METHODS, Method
from asgml.core.modulators.base import Modulator

WIDTH = 91
"""Columns that `asgml methods NAME` has for a formula, of 100."""

ROWS = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def statements(method: Method) -> list[str]:
    """Return the formula's statements without its explanations and with single spaces."""
    lines = re.sub(r"(?<=\S) +(?=<?[=-])", " ", method.formula).splitlines()
    found = [re.split(r"\s{2,}", line.strip())[0] for line in lines]
    return [statement for statement in found if "=" in statement or "<-" in statement]


@ROWS
def test_a_formula_ends_in_what_the_method_changes(method: Method) -> None:
    changed = ("g_m <-", "g_m(t) <-", "theta_m <-", "lr_m =", "h <-", "L =")
    assert any(each in statement for statement in statements(method) for each in changed)


@ROWS
def test_a_formula_fits_the_terminal(method: Method) -> None:
    assert max(map(len, method.formula.splitlines())) <= WIDTH


@ROWS
def test_a_formula_is_said_in_its_row_only(method: Method) -> None:
    """The module of the modulator keeps derivation and departures."""
    module = importlib.import_module(method.target.partition(":")[0])
    text = re.sub(r"\s+", " ", module.__doc__ or "")
    assert not [statement for statement in statements(method) if statement in text]


@ROWS
def test_the_target_is_a_modulator(method: Method) -> None:
    module, _, name = method.target.partition(":")
    assert issubclass(getattr(importlib.import_module(module), name), Modulator)
