"""LAYOUTS.md and DATA.md are true: their tables are the catalogue's, their links lead somewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import layouts
import pytest
from tree import ROOT

from asgml.core.data.catalogue import DATA_SETS

DATA = ROOT / "core" / "data" / "DATA.md"
LAYOUTS = layouts.FILE.read_text(encoding="utf-8")


def test_the_tables_are_the_catalogues() -> None:
    assert layouts.with_tables(LAYOUTS) == LAYOUTS, "run `uv run python tests/docs/layouts.py`"


def test_every_data_set_has_a_section() -> None:
    titles = re.findall(r"^## (.+): `(\w+)`$", LAYOUTS, re.MULTILINE)
    assert {name: title for title, name in titles} == {
        name: row.title for name, row in DATA_SETS.items()
    }


def test_a_new_data_set_gets_a_section(monkeypatch: pytest.MonkeyPatch) -> None:
    new = replace(DATA_SETS["avmnist"], title="New", published={"train": 7})
    monkeypatch.setitem(DATA_SETS, "new", new)
    page = layouts.with_tables(LAYOUTS)
    assert page.startswith(LAYOUTS) and "## New: `new`" in page[len(LAYOUTS) :]
    assert "Published: train 7. Source" in page and layouts.with_tables(page) == page


@pytest.mark.parametrize("page", [DATA, layouts.FILE], ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [page.parent / link for link in re.findall(r"\]\(([^)#]+)\)", text) if ":" not in link]
    paths = [ROOT / name for name in re.findall(r"`((?:app|core|tests)/[\w./-]+)`", text)]
    assert [str(path) for path in (*links, *paths) if not path.exists()] == []
