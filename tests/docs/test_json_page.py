"""docs/json.md names every field that `show --json` prints, with its type, and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from asgml.app.cli.program import run
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import STATES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
TYPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "whole number": int,
    "object": dict,
    "list of text": list,
    "list of objects": list,
    "null": type(None),
}


def rows() -> dict[str, str]:
    """Field → the cell of its type."""
    section = PAGE.partition("## A run")[2].partition("##")[0]
    cells = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `")]
    return {name: kind.strip() for names, kind in cells for name in re.findall(r"`(\w+)`", names)}


@pytest.fixture
def shown(tiny_run: RunPaths, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run(["show", str(tiny_run.root), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    return found


def test_the_page_names_the_fields_that_are_printed(shown: dict[str, Any]) -> None:
    assert set(rows()) == set(shown)
    for name, kinds in rows().items():
        if kinds and "," not in kinds:
            allowed = tuple(TYPES[kind] for kind in kinds.split(" or "))
            assert isinstance(shown[name], allowed), (name, shown[name])


def test_the_page_names_every_state_and_the_parts_of_lists(shown: dict[str, Any]) -> None:
    named = re.search(r"\| `state` \| text \| ([^|]*) \|", PAGE)
    assert named and set(named[1].split(", ")) == STATES
    line = {name: row for row in PAGE.splitlines() for name in re.findall(r"^\| `(\w+)`", row)}
    assert set(re.findall(r"`(\w+)`", line["gap"])) - {"gap"} == shown["gap"].keys()
    for metric in shown["metrics"].values():
        assert all(f"`{key}`" in line["metrics"] for key in metric)
    assert shown["alerts"] and all(f"`{key}`" in line["alerts"] for key in ("id", "acknowledged"))
