"""`asgml fork`: what a fork may change, where, and what its directory says."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny

from asgml.app.arguments import TrainArguments
from asgml.app.configure import build
from asgml.app.errors import NOT_FOUND, REJECTED, USAGE
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.schedule import read_schedule

Asgml = Callable[..., "Said"]


@pytest.fixture
def parent(tmp_path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> RunPaths:
    """A run of 40 steps, 10 an epoch, whose user set boost.alpha to 0.25 at step 25."""
    config = build(TrainArguments(method="boost", epochs=4)).config().model_dump(mode="json")
    made = tiny.tiny_manifest
    monkeypatch.setattr(tiny, "tiny_manifest", lambda name: replace(made(name), config=config))
    return tiny.write_tiny_run(runs / "tiny-01")


def fork(asgml: Asgml, *words: object) -> Any:
    return asgml("fork", "tiny-01", *words, "--wait")


def test_the_fork_has_the_settings_of_that_step(asgml: Asgml, runs: Path, parent: RunPaths) -> None:
    """With what the user had set by then; what was set at the step itself lies ahead of it."""
    for step, alpha in ((25, 0.5), (26, 0.25)):
        said = fork(asgml, "--at", step, "--name", f"at-{step}")
        assert said.code == 0 and said.out == f"{runs / f'at-{step}'}\n"
        assert "trained again up to step" in said.err and "no checkpoint is that early" in said.err
        settings = tomllib.loads((runs / f"at-{step}" / "run.toml").read_text())
        assert settings["boost"]["alpha"] == alpha and settings["epochs"] == 4
        record = json.loads((runs / f"at-{step}" / "fork.json").read_text())
        assert record == {"run": "tiny-01", "path": str(parent.root), "step": step, "changes": {}}


def test_what_is_set_is_recorded_as_a_change(asgml: Asgml, runs: Path, parent: RunPaths) -> None:
    said = fork(asgml, "--at", 26, "--set", "alpha=1", "--set", "lr=0.01", "--epochs", 6)
    assert said.code == 0
    root = runs / "tiny-01-fork-01"
    changes = json.loads((root / "fork.json").read_text())["changes"]
    assert changes == {
        "boost.alpha": {"before": 0.25, "after": 1.0},
        "optimizer.lr": {"before": 0.001, "after": 0.01},
        "epochs": {"before": 4, "after": 6},
    }
    settings = tomllib.loads((root / "run.toml").read_text())
    assert (settings["boost"]["alpha"], settings["optimizer"]["lr"]) == (1.0, 0.01)
    assert settings["epochs"] == 6


def test_a_method_changes_where_an_epoch_ends(asgml: Asgml, runs: Path, parent: RunPaths) -> None:
    change = ("--set", "method=ogm_ge")
    said = fork(asgml, "--at", 26, *change)
    assert said.code == REJECTED and "give --at 20 or 30" in said.err
    assert fork(asgml, "--at", 26, "--set", "boost.via=lr").code == REJECTED
    assert fork(asgml, "--at", 30, *change, "--name", "b").code == 0
    settings = tomllib.loads((runs / "b" / "run.toml").read_text())
    assert settings["method"] == "ogm_ge"
    published = build(TrainArguments(method="ogm_ge")).config().section("ogm_ge")
    assert settings["ogm_ge"] == published, "not those of a parent that had no such method"


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("data.seed=3", "weights and the order of its batches"),
        ("modalities=audio,visual", "weights and the order"),
        ("encoder=mlp", "weights belong to those encoders"),
        ("freeze=audio", "its optimizer belongs"),
        ("fusion.hidden=3", "that fusion"),
        ("batch_size=32", "batches of its epoch are drawn"),
        ("seed=9", "its generators stand"),
        ("mixup=0.5", "the shares"),
        ("optimizer.name=adam", "optimizer's state"),
        ("optimizer.weight_decay=0.1", "optimizer's state"),
        ("probe.type=mlp_1layer", "probes are trained"),
    ],
)
def test_what_belongs_to_the_parents_state_cannot_change(
    setting: str, reason: str, asgml: Asgml, runs: Path, parent: RunPaths
) -> None:
    said = fork(asgml, "--at", 20, "--set", setting)
    assert said.code == REJECTED and said.err.count("\n") == 1
    assert setting.partition("=")[0] in said.err and reason in said.err
    assert list(runs.iterdir()) == [parent.root], "nothing was made"


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("--at", 41), REJECTED, "at step 40; give at most that"),
        (("--at", 40), REJECTED, "nothing is left to train of 4 epochs, 40 steps"),
        (("--at", 20, "--epochs", 2), REJECTED, "nothing is left to train of 2 epochs"),
        (("--at", 20, "--set", "alpha=9"), USAGE, "boost.alpha"),
        (("--at", 20, "--set", "speed=9"), USAGE, "speed"),
        (("--at", 20, "--schedule-from", "none"), NOT_FOUND, "no run 'none'"),
        (("--at", -1), USAGE, "--at"),
        ((), USAGE, "--at"),
    ],
)
def test_bad_forks_are_one_line(
    words: tuple[object, ...],
    code: int,
    expected: str,
    asgml: Asgml,
    runs: Path,
    parent: RunPaths,
) -> None:
    said = fork(asgml, *words)
    assert said.code == code and expected in said.err and said.err.count("\n") == 1
    assert list(runs.iterdir()) == [parent.root]


def test_a_schedule_counts_from_the_fork_on(asgml: Asgml, runs: Path, parent: RunPaths) -> None:
    for step, ahead in ((20, [25]), (26, [])):
        words = ("--at", step, "--schedule-from", "tiny-01", "--name", f"at-{step}")
        assert fork(asgml, *words).code == 0
        made = read_schedule(runs / f"at-{step}" / "schedule.toml").interventions
        assert [each.step for each in made] == ahead


def test_other_runs_are_refused(asgml: Asgml, runs: Path, tiny_run: RunPaths) -> None:
    said = asgml("fork", tiny_run.root, "--at", 20, "--wait")
    assert said.code == REJECTED and "external training loop" in said.err


def test_the_command_that_makes_a_fork_again(
    asgml: Asgml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parent: RunPaths
) -> None:
    changes = {"boost.alpha": {"before": 0.5, "after": 0.25}, "method": {"after": "boost"}}
    record = {"run": "tiny-01", "path": "/runs/tiny-01", "step": 26, "changes": changes}
    made = tiny.tiny_manifest
    monkeypatch.setattr(tiny, "tiny_manifest", lambda name: replace(made(name), parent=record))
    tiny.write_tiny_run(tmp_path / "b")
    shown = asgml("show", tmp_path / "b", "--json").json
    assert shown["parent"] == record
    assert shown["repeat"] == (
        "asgml fork /runs/tiny-01 --at 26 --set boost.alpha=0.25 --set method=boost "
        f"--schedule-from {tmp_path / 'b'}"
    )
