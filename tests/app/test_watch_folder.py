"""`asgml watch` on a folder: the list of its runs, or the cells of a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asgml.app.errors import USAGE
from asgml.storage.runs.plan_record import FILE
from asgml.tui import app as dashboard


def make_run(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "run.toml").write_text("[run]\n")
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the dashboard was opened with: run, folder of runs, plan."""
    calls: list[tuple[Any, ...]] = []

    def open_(run: Path | None, runs: Path, **options: Any) -> int:
        calls.append((run, runs, options.get("plan")))
        return 0

    monkeypatch.setattr(dashboard, "run_dashboard", open_)
    monkeypatch.setattr("asgml.app.commands.watch.in_terminal", lambda: True)
    return calls


def test_what_is_opened_by_a_name_or_a_path(
    asgml: Any, opened: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    run, cell = make_run(runs / "a-01"), make_run(runs / "table" / "boost-s0")
    (runs / "table" / FILE).write_text(json.dumps({}))
    monkeypatch.chdir(tmp_path)
    plan = runs / "table"
    for ref, wanted in (
        (runs, (None, runs, None)),
        ("./runs", (None, runs, None)),
        ("table", (None, runs, plan)),
        (plan, (None, runs, plan)),
        ("a-01", (run, runs, None)),
        ("table/boost-s0", (cell, runs, None)),
        (cell, (cell, runs, None)),
    ):
        assert asgml("watch", ref, "--runs", runs).code == 0, ref
        assert opened.pop() == wanted, ref
    # a folder here does not hide the run of that name
    make_run(tmp_path / "a-01" / "other")
    assert asgml("watch", "a-01", "--runs", runs).code == 0
    assert opened.pop() == (run, runs, None)


def test_a_folder_without_runs_is_no_folder_of_runs(
    asgml: Any, opened: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for ref in (tmp_path / "empty", "x" * 300, tmp_path / "nowhere"):
        assert asgml("watch", ref, "--runs", tmp_path).code == 3
    assert not opened


def test_a_folder_does_not_fit_into_a_few_lines(
    asgml: Any, opened: list[Any], tmp_path: Path
) -> None:
    make_run(tmp_path / "a-01")
    said = asgml("watch", tmp_path, "--inline")
    assert said.code == USAGE and "--inline shows one run" in said.err and not opened


def test_without_a_terminal_it_names_the_table(asgml: Any, tmp_path: Path) -> None:
    make_run(tmp_path / "a-01")
    said = asgml("watch", tmp_path)
    assert said.code == USAGE and f"asgml runs --runs {tmp_path}" in said.err
