"""The main path of a user: train in the background, steer, crash, resume, look, export."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from programs import (
    QUICK,
    asgml,
    environment,
    show,
    start,
    trainer,
    wait_for,
    wait_for_state,
    wait_for_step,
)
from warm_kit import warm_asgml

from asgml.storage.format.layout import RunPaths, list_runs
from asgml.storage.read.reader import Run


@pytest.fixture(autouse=True)
def _warm_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands and the trainers that they start are warm: most tests are not about starting."""
    monkeypatch.setattr("programs.PROGRAM", warm_asgml())


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """A directory of runs; trainers that a test left behind are ended."""
    folder = tmp_path / "runs"
    folder.mkdir()
    yield folder
    for paths in list_runs(folder):
        head = Run.open(paths).head
        if head is not None and psutil.pid_exists(head.pid):
            os.kill(head.pid, signal.SIGKILL)


def test_alpha_changed_mid_run_acts_at_the_acknowledged_step(runs: Path) -> None:
    paths = start("steered", "--epochs", "400", "--set", "probe.eval_freq=2", runs=runs)
    wait_for_step(paths, 30)
    said = asgml("ctl", "steered", "set", "alpha=1.25", runs=runs)
    assert "0.5 → 1.25" in said.stdout + said.stderr
    answered = [event for event in Run.open(paths).events if event.get("command") == "set"]
    assert len(answered) == 1 and answered[0].get("answer") == "applied"
    wait_for_step(paths, answered[0].step + 10)
    asgml("ctl", "steered", "stop", runs=runs)
    assert wait_for_state(paths, "stopped") == "stopped"

    run = Run.open(paths)
    steps = run.column("steps", "step")
    scale = np.max([run.column("steps", f"boost_scale/{m}") for m in ("audio", "visual")], axis=0)
    before, after = scale[steps == answered[0].step], scale[steps == answered[0].step + 1]
    assert before[0] <= 1.5 < after[0], (
        "the boost column shows the new alpha from the very next step"
    )


def test_pause_holds_the_step_and_answers_commands(runs: Path) -> None:
    paths = start("paused", "--epochs", "400", runs=runs)
    wait_for_step(paths, 5)
    asgml("ctl", "paused", "pause", runs=runs)
    held = show("paused", runs)
    assert held["state"] == "paused"
    asgml("ctl", "paused", "set", "lr=0.001", runs=runs)
    asgml("ctl", "paused", "evaluate", runs=runs)
    refused = asgml("ctl", "paused", "set", "alpha=7", runs=runs, expect=4)
    assert "alpha" in refused.stderr and "1.5" in refused.stderr
    still = show("paused", runs)
    assert still["step"] == held["step"] and still["knobs"]["lr"] == 0.001
    asgml("ctl", "paused", "resume", runs=runs)
    wait_for_step(paths, held["step"] + 3)
    asgml("ctl", "paused", "stop", "--now", runs=runs)
    assert wait_for_state(paths, "stopped") == "stopped"


def test_a_killed_trainer_is_shown_as_crashed_and_resumes(runs: Path) -> None:
    paths = start("killed", "--epochs", "400", runs=runs)
    wait_for_step(paths, 12)
    trainer(paths).kill()
    assert wait_for_state(paths, "crashed") == "crashed"
    assert show("killed", runs)["state"] == "crashed"
    lost = asgml("ctl", "killed", "pause", runs=runs, expect=3)
    assert "asgml resume killed" in lost.stderr
    reached = show("killed", runs)["step"]
    asgml("resume", "killed", "--detach", runs=runs)
    wait_for_step(paths, reached + 5)
    asgml("ctl", "killed", "stop", runs=runs)
    assert wait_for_state(paths, "stopped") == "stopped"
    run = Run.open(paths)
    assert set(run.column("steps", "segment")) == {0.0, 1.0}
    steps = run.column("steps", "step")[run.current_rows("steps")]
    assert np.array_equal(steps, np.arange(1, len(steps) + 1)), (
        "the newest segment wins and no step is missing"
    )


def test_the_trainer_survives_the_shell_that_started_it(runs: Path) -> None:
    """Both are processes as the user has them, started cold."""
    words = ["train", "--wait", "--name", "orphan", "--epochs", "400"]
    shell = subprocess.Popen(
        [sys.executable, "-P", "-m", "asgml", *words, *QUICK],
        env=environment(runs),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    paths = RunPaths(runs / "orphan")
    wait_for(lambda: paths.store.exists() and Run.open(paths).head is not None)
    wait_for_step(paths, 3)
    os.killpg(shell.pid, signal.SIGHUP)
    os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()
    wait_for_step(paths, show("orphan", runs)["step"] + 5)
    assert show("orphan", runs)["state"] == "running"
    asgml("ctl", "orphan", "stop", runs=runs)


def test_a_finished_run_is_read_without_this_program(runs: Path, tmp_path: Path) -> None:
    done = asgml("train", "--wait", "--name", "finished", "--epochs", "2", *QUICK, runs=runs)
    assert Path(done.stdout.strip()) == runs / "finished"
    shown = show("finished", runs)
    assert (
        shown["state"] == "finished"
        and shown["metrics"]["test_accuracy_at_best_val"]["last"] is not None
    )

    import xarray

    opened = xarray.open_zarr(str(runs / "finished" / "run.zarr"), consolidated=False)
    names = opened["steps"].attrs["columns"]
    loss = opened["steps"].values[:, names.index("loss")]
    assert len(loss) == shown["step"] and np.isfinite(loss).all()

    asgml("export", "finished", "--to", "jsonl", str(tmp_path / "out.jsonl"), runs=runs)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["loss"] for row in rows if row["table"] == "steps"] == pytest.approx(list(loss))


def test_a_start_error_is_told_to_the_person_who_started_it(runs: Path) -> None:
    broken = runs.parent / "broken.npz"
    np.savez(
        broken,
        label=np.zeros(4, np.int64),
        split=np.array(["train"] * 4),
        audio=np.full((4, 3), np.nan),
    )
    failed = asgml("train", "--detach", "--data", str(broken), runs=runs, expect=2)
    assert "broken.npz" in failed.stderr and "Traceback" not in failed.stderr
