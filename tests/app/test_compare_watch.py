"""`asgml compare --watch`: which runs the screen is given, and when there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asgml.app.commands.compare_subjects import Subject
from asgml.app.commands.compare_watch import paths_of
from asgml.app.errors import NOT_FOUND, USAGE
from asgml.storage.runs.record import RunRecord

Asgml = Callable[..., Any]


def record(name: str) -> RunRecord:
    return RunRecord(Path("/runs") / name, name, "finished", {}, {}, {})


def test_the_runs_of_the_baseline_come_first() -> None:
    ours = Subject("boost", (record("b0"), record("b1")), {})
    base = Subject("baseline", (record("a0"),), {})
    assert [path.name for path in paths_of([ours, base], "baseline")] == ["a0", "b0", "b1"]
    assert [path.name for path in paths_of([ours, base], "boost")] == ["b0", "b1", "a0"]


@pytest.mark.parametrize(
    ("options", "told"), [(("--watch",), "needs a terminal"), (("--watch", "--json"), "not both")]
)
def test_a_screen_that_cannot_be_is_refused(
    asgml: Asgml, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    run = tmp_path / "one"
    run.mkdir()
    (run / "run.toml").write_text("")
    said = asgml("compare", "one", *options, "--runs", tmp_path)
    assert said.code == USAGE and told in said.err


def test_several_runs_are_watched_side_by_side(asgml: Asgml, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.toml").write_text("")
    said = asgml("watch", "one", "two", "--runs", tmp_path)
    assert said.code == USAGE and "needs a terminal" in said.err
    said = asgml("watch", "one", "two", "--inline", "--runs", tmp_path)
    assert said.code == USAGE and "--inline shows one run, and 2 were given" in said.err
    assert asgml("watch", "one", "nowhere", "--runs", tmp_path).code == NOT_FOUND
