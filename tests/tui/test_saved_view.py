"""A view is found again as it was left: for the run, and in part for the runs beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from fake_trainer import FakeTrainer
from hypothesis import given
from hypothesis import strategies as st
from tui_kit import dashboard, shows, until

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.safe_text import one_line
from asgml.tui.scene.saved_view import restore_view, view_record
from asgml.tui.scene.view_state import OF_ONE_RUN, View
from asgml.tui.session import view_files
from asgml.tui.session.view_files import ViewFiles

VIEWS = st.builds(
    View,
    axis=st.sampled_from(OF_ONE_RUN),
    smoothing=st.sampled_from([0.0, 0.6, 0.997]),
    zoom=st.integers(0, 14),
    start=st.none() | st.floats(0, 1e9),
    selected=st.integers(0, 60),
    filter_text=st.sampled_from(["", "audio gain"]),
    flipped=st.sets(st.sampled_from(["loss", "gain"])),
)
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(VIEWS)
def test_a_view_survives_its_record(view: View) -> None:
    found = View()
    restore_view(found, json.loads(json.dumps(view_record(view))))
    assert found == view


@given(st.dictionaries(st.sampled_from(sorted(view_record(View()))), JSON))
def test_no_record_makes_a_view_that_cannot_be(record: dict[str, Any]) -> None:
    view = View()
    restore_view(view, record)
    assert view.axis in view.axes and 0 <= view.smoothing < 1 and 0 <= view.zoom <= 14
    assert view.start is None or view.start >= 0
    assert view.filter_text == one_line(view.filter_text) and view.next_axis() is None


def test_runs_beside_it_begin_with_axis_smoothing_and_scales_alone(tmp_path: Path) -> None:
    files = ViewFiles(tmp_path / "views")
    files.save(View("wall_time", 0.6, zoom=3, filter_text="gain", flipped={"loss"}), tmp_path / "a")
    own, beside, elsewhere = View(), View(), View()
    files.restore(own, tmp_path / "a")
    files.restore(beside, tmp_path / "b")
    files.restore(elsewhere, tmp_path / "x" / "a")
    assert (own.zoom, own.filter_text) == (3, "gain")
    assert beside == View("wall_time", 0.6, flipped={"loss"})
    assert elsewhere == View()


def test_what_cannot_be_read_or_written_is_no_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ViewFiles(tmp_path / "views")
    run = tmp_path / "a"
    files.save(View(zoom=3), run)
    for path in (tmp_path / "views").iterdir():
        path.write_bytes(b"[" * 5000)
    view = View()
    files.restore(view, run)
    assert view == View()
    (tmp_path / "file").write_text("")
    ViewFiles(tmp_path / "file").save(View(zoom=3), run)
    monkeypatch.setattr(view_files, "MOST_FILES", 4)
    for number in range(6):
        files.save(View(), tmp_path / f"run-{number}")
    assert len(os.listdir(tmp_path / "views")) <= 4


async def test_the_next_watch_finds_the_view_as_it_was_left(
    trainer: FakeTrainer, tmp_path: Path
) -> None:
    folder, options = trainer.paths.root.parent, {"views": tmp_path / "views"}
    run = trainer.paths.root
    async with dashboard(run, folder, **options) as (app, pilot):
        await pilot.press("x", "minus", "z", "z", "y")
        left = view_record(app.view)
        assert left != view_record(View())
    async with dashboard(run, folder, **options) as (app, pilot):
        assert view_record(app.view) == left
        await shows(pilot, "x: wall time")
        await shows(pilot, "smooth 0.6")
        assert app.session._smoothing == 0.6
    async with dashboard(run, folder, fresh=True, **options) as (app, _):
        assert view_record(app.view) == view_record(View())


async def test_another_run_has_its_own_view(
    trainer: FakeTrainer, made_run: RunPaths, tmp_path: Path
) -> None:
    options = {"views": tmp_path / "views"}
    async with dashboard(trainer.paths.root, trainer.paths.root.parent, **options) as (app, pilot):
        await pilot.press("z", "z")
        app.navigation.open_run(made_run.root)
        await until(pilot, lambda: app.session.scene.name == made_run.root.name, "it is opened")
        assert app.view.zoom == 0
        await pilot.press("z")
        app.navigation.open_run(trainer.paths.root)
        await until(pilot, lambda: app.session.scene.name == "live-01", "it is back")
        assert app.view.zoom == 2
