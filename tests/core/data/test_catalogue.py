"""The catalogue: every row leads to its loader and explains its options; a new row is enough."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import soundfile
import toy_set
from loader_kit import fails, put
from media_kit import chirp
from PIL import Image

import asgml.core.data
from asgml.core.data.base import SPLITS, import_target, load_data
from asgml.core.data.catalogue import DATA_SETS, DataSet, signs_by_rank
from asgml.core.data.datasets.detect import detect
from asgml.core.data.report.report_builder import build_report

RECIPES = Path(__file__).resolve().parents[3] / "app" / "recipes"

MANUAL = (Path(asgml.core.data.__file__).parent / "DATA.md").read_text(encoding="utf-8")
ROW, LOADER = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)[-2:]
"""The row and the loader of the toy set, as the manual shows them."""


def row_of_the_manual() -> DataSet:
    """Return the manual's row; its loader is toy_set.py here."""
    found: dict[str, Any] = {}
    exec(
        compile(ROW.replace("asgml.core.data.datasets.toy:", "toy_set:"), "DATA.md", "exec"), found
    )
    row: DataSet = found["TOY"]
    return row


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The toy set's row in the catalogue, and its folder."""
    monkeypatch.setitem(DATA_SETS, "toy", row_of_the_manual())
    rows = [f"clip{i},{'ab'[i % 2]},{'train' if i < 8 else 'test'}" for i in range(12)]
    put(tmp_path / "toy.csv", "\n".join(rows).encode())
    (tmp_path / "sound").mkdir()
    for i in range(12):
        soundfile.write(tmp_path / "sound" / f"clip{i}.wav", chirp(8000, 0.5), 8000)
        image = put(tmp_path / "pictures" / f"clip{i}" / "1.jpg")
        Image.new("RGB", (40, 30), (20 * i,) * 3).save(image)
    yield tmp_path


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_option_is_explained_and_no_other(name: str) -> None:
    row = DATA_SETS[name]
    names = [field.name for field in fields(import_target(row.options_class))]
    assert sorted(row.options) == sorted(names)


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_row_leads_to_a_loader_of_its_kind(name: str) -> None:
    row = DATA_SETS[name]
    assert import_target(row.loader).__name__ == ("find_clips" if row.clips else "load")
    assert set(row.published) <= set(SPLITS) and bool(row.published) == bool(row.source)
    if row.clips:
        assert row.example and row.dirs.lists.names and row.dirs.lists.advice


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_a_recipe_sets_options_that_its_data_set_has(path: Path) -> None:
    data = tomllib.loads(path.read_text(encoding="utf-8")).get("data", {})
    options = data.get("options", {})
    assert set(options) <= set(DATA_SETS[data["name"]].options if options else ())


def test_signs_of_lists_are_tried_before_folders_that_others_use_too() -> None:
    names = [name for name, _ in signs_by_rank()]
    assert names.index("ave") < names.index("mosei") < names.index("mosi") < names.index("cremad")
    assert names[-1] == "cremad"


def test_a_row_and_a_loader_file_are_all_that_a_data_set_needs(toy: Path) -> None:
    assert detect(toy) == "toy"
    data = load_data(f"toy:{toy}", {"workers": 0, "frames": 1, "crop": 16, "val": 2})
    assert data.classes == ("a", "b") and data.info["counts"] == {"train": 6, "val": 2, "test": 4}
    rows = data.splits["test"].rows
    assert rows is not None and set(rows.read([0, 3])) == {"audio", "visual"}
    report = build_report(f"toy:{toy}", {"workers": 0}, 0, workers=1)
    assert report.fit and not any("published" in remark for remark in report.remarks)


def test_the_manual_shows_the_toys_loader() -> None:
    assert Path(toy_set.__file__).read_text("utf-8") == LOADER


def test_the_errors_of_a_new_data_set_come_from_its_row(toy: Path) -> None:
    with fails("give their folder behind a colon, as in toy:/data/toy"):
        load_data("toy")
    with fails("no option 'colour'; there are .*list"):
        load_data(f"toy:{toy}", {"colour": 1})
    (toy / "toy.csv").unlink()
    with fails(r"no list 'toy\.csv': looked in .*lists; ask the author"):
        load_data(f"toy:{toy}")
