"""`asgml schedule` and `train --schedule-from`: files to edit, refused before the training."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from asgml.app.errors import NOT_FOUND, USAGE
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.schedule import Intervention, read_schedule

Asgml = Callable[..., "Said"]


def test_it_prints_a_file_that_can_be_edited(
    asgml: Asgml, tiny_run: RunPaths, tmp_path: Path
) -> None:
    said = asgml("schedule", tiny_run.root)
    assert tomllib.loads(said.out) == {
        "source": "tiny-01",
        "set": [{"step": 25, "knob": "boost.alpha", "value": 0.25}],
    }
    assert "--schedule-from FILE" in said.out and "1 intervention in tiny-01" in said.err
    out = tmp_path / "mine.toml"
    assert asgml("schedule", tiny_run.root, "--out", out).out == ""
    assert read_schedule(out).interventions == [Intervention(25, "boost.alpha", 0.25)]
    said = asgml("schedule", tiny_run.root, "--out", out)
    assert said.code == USAGE and "there is such a file" in said.err


def test_a_new_run_gets_the_schedule(
    asgml: Asgml, runs: Path, tiny_run: RunPaths, tmp_path: Path
) -> None:
    train = ("train", "--method", "boost", "--epochs", 1, "--wait")
    assert asgml(*train, "--name", "a", "--schedule-from", tiny_run.root).code == 0
    assert read_schedule(runs / "a" / "schedule.toml").source == "tiny-01"
    edited = tmp_path / "edited.toml"
    edited.write_text("[[set]]\nstep = 9\nknob = 'alpha'\nvalue = 1\n")
    assert asgml(*train, "--name", "b", "--schedule-from", edited).code == 0
    assert read_schedule(runs / "b" / "schedule.toml").interventions == [
        Intervention(9, "boost.alpha", 1.0)
    ]


@pytest.mark.parametrize(
    ("method", "text", "expected"),
    [
        ("baseline", None, "'boost.alpha' is no knob of this run"),
        ("boost", "[[set]]\nstep = 9\nknob = 'alpha'\nvalue = 9\n", "outside its range"),
        ("boost", "[[set]]\nstep = 9\n", "lacks the key"),
    ],
)
def test_what_cannot_be_is_refused_and_no_run_is_made(
    asgml: Asgml,
    runs: Path,
    tiny_run: RunPaths,
    tmp_path: Path,
    method: str,
    text: str | None,
    expected: str,
) -> None:
    given = tiny_run.root
    if text is not None:
        given = tmp_path / "given.toml"
        given.write_text(text)
    said = asgml("train", "--method", method, "--schedule-from", given, "--detach")
    assert said.code == USAGE and expected in said.err and said.err.count("\n") == 1
    assert not runs.exists()


def test_a_schedule_that_is_not_there(asgml: Asgml, runs: Path) -> None:
    for name in ("none.toml", "none"):
        assert asgml("train", "--schedule-from", name, "--detach").code == NOT_FOUND
