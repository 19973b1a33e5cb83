"""Forks: another run's training from a step on, bit for bit where nothing is changed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import torch
from core_kit import assert_same_bits, rows_of, save_npz, small_config, small_data, train
from trainer_process import TrainerProcess

from asgml.core.run import checkpoint
from asgml.core.training.trainer import Trainer
from asgml.core.worker import main, prepare_trainer
from asgml.storage.commands.inbox import make_request, send
from asgml.storage.format.fork_record import Fork
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.schedule import Schedule
from asgml.storage.format.start_phase import without_phases
from asgml.storage.read.check import check_run
from asgml.storage.read.interventions import schedule_of
from asgml.storage.read.reader import Run

SECTIONS: dict[str, Any] = {
    "method": "ogm_ge+boost",
    "epochs": 5,
    "threads": 1,
    "optimizer": {"lr": 0.05, "decay_every": 2},
    "ogm_ge": {"last_epoch": 3},
    "boost": {"ramp_epochs": 3},
    "checkpoint": {"keep": 9},
}
"""20 steps, 4 an epoch, a checkpoint after each; noise, and a boost that reads the probes."""
MADE = ((3, "alpha", 1.0), (6, "lr", 0.02), (13, "alpha", 0.25), (13, "ogm_ge.alpha", 1.5))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_npz(small_data(), tmp_path_factory.mktemp("data") / "small.npz")


def write(
    root: Path, data: Path, fork: Fork | None = None, schedule: Schedule | None = None, **more: Any
) -> RunPaths:
    """A run directory as the launcher leaves it."""
    paths = RunPaths(root)
    paths.commands.mkdir(parents=True)
    config = small_config(**{**SECTIONS, "data": {"name": str(data)}, **more})
    paths.config.write_text(tomli_w.dumps(config.model_dump()))
    if fork is not None:
        paths.fork.write_text(fork.to_text())
    if schedule is not None:
        paths.schedule.write_text(tomli_w.dumps(schedule.to_tree()))
    return paths


def trained(paths: RunPaths, *requests: Any) -> Run:
    for request in requests:
        send(paths.commands, request)
    return train(prepare_trainer(paths, resume=False))


def requests(made: tuple[tuple[int, str, Any], ...] = MADE) -> list[Any]:
    return [make_request("set", knob=k, value=v, at_step=step) for step, k, v in made]


def of(run: Run, step: int, **changes: Any) -> Fork:
    made = {key.replace("__", "."): {"before": 0, "after": v} for key, v in changes.items()}
    return Fork(run.paths.name, str(run.paths.root), step, made)


@pytest.fixture(scope="module")
def parent(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("parent") / "parent"
    return trained(write(root, data), *requests())


def final_weights(run: Run) -> dict[str, torch.Tensor]:
    path = checkpoint.newest(run.paths.checkpoints)
    assert path is not None
    return checkpoint.load(path)["model"]


def assert_same_from(step: int, ours: Run, theirs: Run) -> None:
    """The rows of ours are those of theirs after a step; and so are the final weights."""
    for table in ("steps", "probes", "epochs"):
        left, right = rows_of(ours, table), rows_of(theirs, table)
        after = right["step"] > step
        assert after.any(), table
        for name in left:
            np.testing.assert_array_equal(left[name], right[name][after], f"{table}: {name}")
    assert_same_bits(final_weights(ours), final_weights(theirs))


def protocol(run: Run) -> str:
    assert run.manifest is not None
    return str(run.manifest.data["protocol"]["digest"])


@pytest.mark.parametrize("step", [0, 2, 8, 11, 13, 17])
def test_with_nothing_set_it_is_its_parent(
    step: int, parent: Run, data: Path, tmp_path: Path
) -> None:
    """From a checkpoint, in mid-epoch, before the first one, and at the step of interventions."""
    before = sorted(path.name for path in parent.paths.root.rglob("*"))
    ahead = [each for each in schedule_of(parent).interventions if each.step >= step]
    paths = write(tmp_path / "fork", data, of(parent, step), Schedule("parent", ahead))
    run = trained(paths)
    assert_same_from(step, run, parent)
    assert run.manifest is not None and run.manifest.parent == {
        "run": "parent",
        "path": str(parent.paths.root),
        "step": step,
        "changes": {},
    }
    assert sorted(path.name for path in parent.paths.root.rglob("*")) == before
    assert check_run(paths.root) == []


def test_from_the_beginning_where_no_checkpoint_is_that_early(data: Path, tmp_path: Path) -> None:
    few = trained(write(tmp_path / "few", data, checkpoint={"keep": 1}), *requests())
    kept = sorted(path.name for path in few.paths.checkpoints.glob("step-*"))
    # the newest, and the one from before the last change
    assert kept == ["step-00000012.pt", "step-00000020.pt"]
    ahead = [each for each in schedule_of(few).interventions if each.step >= 10]
    run = trained(write(tmp_path / "fork", data, of(few, 10), Schedule("few", ahead)))
    assert_same_from(10, run, few)


@pytest.mark.parametrize(
    ("step", "knob", "section", "change"),
    [
        (8, "alpha", {"boost": {"ramp_epochs": 3, "alpha": 0.25}}, {"boost__alpha": 0.25}),
        (10, "alpha", {"boost": {"ramp_epochs": 3, "alpha": 0.25}}, {"boost__alpha": 0.25}),
        (10, "lr", {"optimizer": {"lr": 0.25, "decay_every": 2}}, {"optimizer__lr": 0.25}),
    ],
)
def test_a_changed_knob_is_one_that_was_set_at_the_step(
    step: int,
    knob: str,
    section: dict[str, Any],
    change: dict[str, Any],
    data: Path,
    tmp_path: Path,
) -> None:
    plain = trained(write(tmp_path / "plain", data))
    steered = trained(write(tmp_path / "steered", data), *requests(((step, knob, 0.25),)))
    run = trained(write(tmp_path / "fork", data, of(plain, step, **change), **section))
    assert_same_from(step, run, steered)
    # a rate that changed on the way is another protocol than one from the start; a knob is none
    same = protocol(run) == protocol(trained(write(tmp_path / "anew", data, **section)))
    assert same == ("boost" in section)
    key = next(iter(change)).replace("__", ".")
    said = [(e.step, e.get("setting"), e.get("after")) for e in run.events if e.get("setting")]
    assert said == [(step, key, 0.25)]
    messages = [event.get("message") for event in run.events if event.kind == "phase"]
    assert messages[0] == f"fork of plain at step {step}"


def test_a_knob_that_is_not_changed_keeps_what_it_was_set_to(
    parent: Run, data: Path, tmp_path: Path
) -> None:
    """Not what its configuration said at first; what was set at the step itself lies ahead."""
    for step, alpha, throttle in ((13, 1.0, 0.8), (14, 0.25, 1.5)):
        run = trained(write(tmp_path / f"at-{step}", data, of(parent, step)))
        knobs = run.knobs_at(step)
        assert (knobs["boost.alpha"], knobs["ogm_ge.alpha"]) == (alpha, throttle)


def test_a_method_that_begins_at_the_fork(data: Path, tmp_path: Path) -> None:
    """OGM-GE keeps no state, so it is as if its window had opened there."""
    plain = trained(write(tmp_path / "plain", data, method="baseline"))
    late = {"method": "ogm_ge", "ogm_ge": {"first_epoch": 2, "last_epoch": 3}}
    window = trained(write(tmp_path / "window", data, **late))
    change = {"method": "ogm_ge", "ogm_ge__last_epoch": 3}
    settings = {"method": "ogm_ge", "ogm_ge": {"last_epoch": 3}}
    run = trained(write(tmp_path / "fork", data, of(plain, 8, **change), **settings))
    assert_same_from(8, run, window)


def test_a_fork_of_a_fork_of_a_run_that_trained_on(data: Path, tmp_path: Path) -> None:
    """With a rate that depends on the length: each part is trained as it was."""
    cosine = {"optimizer": {"lr": 0.05, "schedule": "cosine"}}
    few = {**cosine, "checkpoint": {"keep": 9}}
    root = tmp_path / "first"
    trained(write(root, data, **few, epochs=3))
    paths = RunPaths(root)
    paths.config.write_text(
        tomli_w.dumps(small_config(**{**SECTIONS, **few}, data={"name": str(data)}).model_dump())
    )
    longer = train(prepare_trainer(paths, resume=True))
    assert longer.head is not None and longer.head.step == 20
    for path in paths.checkpoints.glob("step-*.pt"):
        if path.name not in ("step-00000008.pt", "step-00000020.pt"):
            path.unlink()
    second = trained(write(tmp_path / "second", data, of(longer, 14), **few))
    assert_same_from(14, second, longer)
    third = trained(write(tmp_path / "third", data, of(second, 17), **few))
    assert_same_from(17, third, longer)


def test_a_fork_is_stopped_and_resumed(parent: Run, data: Path, tmp_path: Path) -> None:
    """Before its first checkpoint too: it has the one that it began with."""
    whole = trained(write(tmp_path / "whole", data, of(parent, 6)))
    for name, request in (
        ("early", make_request("stop", how="now", at_step=7)),
        ("late", make_request("stop", at_step=10)),
    ):
        paths = write(tmp_path / name, data, of(parent, 6))
        assert trained(paths, request).state() == "stopped"
        assert_same_from(6, train(prepare_trainer(paths, resume=True)), whole)


def test_killed_on_its_way_there(parent: Run, data: Path, tmp_path: Path) -> None:
    """It had published nothing: a resume begins as the first start did."""
    paths = write(tmp_path / "fork", data, of(parent, 6))
    begun: Trainer = prepare_trainer(paths, resume=True)
    assert begun.run.step == 6 and begun.run.earlier is None
    begun.run.recorder.writer.close()


def test_a_living_run_is_forked_and_goes_on(parent: Run, data: Path, tmp_path: Path) -> None:
    paths = write(tmp_path / "living", data)
    for request in (*requests(), make_request("pause", at_step=11)):
        send(paths.commands, request)
    child = TrainerProcess(paths.root)
    end = time.monotonic() + 60
    while not (paths.store / "zarr.json").exists() or Run.open(paths).state() != "paused":
        assert time.monotonic() < end and child.code is None, child.log()
        time.sleep(0.02)
    living = Run.open(paths)
    ahead = [each for each in schedule_of(parent).interventions if each.step >= 10]
    run = trained(write(tmp_path / "fork", data, of(living, 10), Schedule("parent", ahead)))
    assert_same_from(10, run, parent)
    send(paths.commands, make_request("resume"))
    assert child.wait() == 0, child.log()
    assert_same_from(0, Run.open(paths), parent)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda root, fork: {**fork, "path": str(root / "gone")}, "no run in"),
        (lambda root, fork: {**fork, "step": 99}, "has not recorded step 99"),
        (lambda root, fork: {**fork, "step": "9"}, "step cannot be '9'"),
        (lambda root, fork: {**fork, "changes": {"a": 3}}, "a change cannot be 3"),
    ],
)
def test_what_cannot_be_forked_is_one_line(
    damage: Any, expected: str, parent: Run, data: Path, tmp_path: Path, capsys: Any
) -> None:
    paths = write(tmp_path / "fork", data, of(parent, 10))
    record = damage(tmp_path, of(parent, 10).as_json())
    paths.fork.write_text(json.dumps(record))
    assert main([str(paths.root)]) == 1
    error = "".join(without_phases(capsys.readouterr().err.splitlines(keepends=True)))
    assert error.startswith("error: ") and error.count("\n") == 1 and expected in error
    assert not paths.store.exists()


def test_other_data_is_refused(parent: Run, tmp_path: Path, capsys: Any) -> None:
    other = save_npz(small_data(seed=1), tmp_path / "other.npz")
    paths = write(tmp_path / "fork", other, of(parent, 10))
    assert main([str(paths.root)]) == 1
    assert "began with other data" in capsys.readouterr().err
