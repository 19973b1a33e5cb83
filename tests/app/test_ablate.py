"""`asgml ablate` as a user calls it: what it prints, what it refuses; killed and continued."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
from warm_kit import warm_asgml

from asgml.app.plans.plan_file import plan_names
from asgml.storage.format.process import start_of
from asgml.storage.read.reader import Run, open_run

PLAN = """
title = "A small plan"
set = {{ epochs = {epochs}, encoder = "mlp", batch_size = 128, threads = 1, device = "cpu" }}
data = "synthetic"
seeds = 2
baseline = "Baseline"
[[row]]
label = "Only"
alone = true
[[row]]
label = "Ensemble"
ensemble = "each_modality"
[[row]]
label = "Baseline"
set = {{ method = "baseline" }}
[[row]]
label = "OGM-GE"
set = {{ method = "ogm_ge" }}
references = true
"""
WARM = """
import asgml.app.plans.preloaded_parent as parent
from warm_kit import warm_python
parent.preloaded_command = lambda: [*warm_python(ready=True), "-m", "asgml.core.preloaded"]
"""
ROWS = ("baseline", "ogm-ge", "only-audio", "only-visual")
RUNS = [f"{row}-s0" for row in ROWS]


def program() -> list[str]:
    """The command line of asgml; its preloaded process is a fork of the tests' warm one."""
    *python, code = warm_asgml()
    begin, end = code.split("del sys.path[0]")
    return [*python, f"{begin}{WARM}del sys.path[0]{end}"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "small"


def ablate(folder: Path, epochs: int = 2) -> subprocess.Popen[str]:
    plan = folder.parent.parent / "small.toml"
    plan.write_text(PLAN.format(epochs=epochs))
    options = ("--jobs", "2", "--seeds", "1")
    return subprocess.Popen(
        [*program(), "ablate", str(plan), *options, "--runs", str(folder.parent), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(folder.parent.parent)},
    )


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def runs_in(folder: Path, *states: str) -> list[Run]:
    found = [open_run(path.parent) for path in folder.glob("*/run.toml")]
    return [run for run in found if run.state() in states]


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def assert_each_trained_once(folder: Path, resumed: Collection[str] = ()) -> None:
    """Every run is finished, has each of its steps once, and was resumed only where allowed."""
    runs = {run.paths.name: run for run in runs_in(folder, "finished")}
    assert sorted(runs) == RUNS
    for name, run in runs.items():
        assert run.head is not None and run.manifest is not None
        steps = run.column("steps", "step")[run.current_rows("steps")].tolist()
        assert steps == list(range(1, run.manifest.total_steps + 1)), name
        assert run.head.segment == (name in resumed), name


def test_a_plan_whose_scheduler_is_killed_is_continued(folder: Path) -> None:
    first = ablate(folder)
    wait_until(lambda: bool(runs_in(folder, "finished")))
    first.kill()
    first.wait()
    before = {run.paths.name: run.head for run in runs_in(folder, "finished")}
    out, err = ablate(folder).communicate()
    said = json.loads(out)
    assert said["missing"] == 0, err
    assert_each_trained_once(folder)
    after = {run.paths.name: run.head for run in runs_in(folder, "finished")}
    assert before.items() <= after.items()
    assert [row["label"] for row in said["rows"]] == [
        "Only audio", "Only visual", "Ensemble", "Baseline", "OGM-GE",
    ]  # fmt: skip
    assert all(row["n"] == 1 for row in said["rows"]) and "0 of 8" not in err


@pytest.mark.skipif(sys.platform != "linux", reason="finds the parent of a trainer in /proc")
def test_a_plan_goes_on_where_trainer_and_preloaded_process_are_killed(folder: Path) -> None:
    process = ablate(folder, epochs=12)
    wait_until(lambda: any(run.head and run.head.step > 20 for run in runs_in(folder, "running")))
    victim = next(run for run in runs_in(folder, "running") if run.head and run.head.step > 20)
    assert victim.head is not None
    preloaded = parent_of(victim.head.pid)
    os.kill(preloaded, signal.SIGKILL)
    os.kill(victim.head.pid, signal.SIGKILL)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "has ended" in err and json.loads(out)["missing"] == 0
    assert_each_trained_once(folder, {victim.paths.name})


def test_ctrl_c_leaves_the_trainers_at_work_and_says_how_to_come_back(folder: Path) -> None:
    process = ablate(folder, epochs=60)
    wait_until(lambda: len(runs_in(folder, "running")) == 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "the trainers at work go on" in err and "continues small" in err
    living = runs_in(folder, "running")
    assert len(living) == 2
    for run in living:
        assert run.head is not None and start_of(run.head.pid) == run.head.process_start
        os.kill(run.head.pid, signal.SIGTERM)


def test_without_a_plan_the_shipped_ones_are_listed(asgml: Callable[..., Any]) -> None:
    said = asgml("ablate")
    assert said.code == 0 and all(name in said.out for name in plan_names())
    assert [each["name"] for each in asgml("ablate", "--json").json] == plan_names()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["demoo"], 3, "did you mean demo?"),
        (["demo", "--seeds", "0"], 2, "expected 1 to 1000 seeds"),
        (["demo", "--seeds", "1,1"], 2, "--seeds '1,1'"),
        (["demo", "--seeds", "-1,2"], 2, "--seeds '-1,2'"),
        (["demo", "--jobs", "0"], 2, "--jobs '0'"),
        (["demo", "--jobs", "many"], 2, "or auto"),
        (["demo", "--only", "Bosst"], 3, "no such row"),
        (["demo", "--name", "../up"], 2, "--name '../up'"),
        (["demo", "--name", "taken"], 2, "is a run"),
        (["ablation"], 2, "on which data"),
        (["nothing.toml"], 3, "no such file"),
    ],
)
def test_bad_input_is_one_line(
    asgml: Callable[..., Any], tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "run.toml").write_text("")
    said = asgml("ablate", *arguments, "--runs", tmp_path)
    assert (said.code, said.out) == (code, "")
    assert words in said.err and said.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]


def test_a_dry_run_lists_the_cells_and_writes_nothing(
    asgml: Callable[..., Any], tmp_path: Path
) -> None:
    plan = tmp_path / "hostile.toml"
    plan.write_text(PLAN.format(epochs=1).replace("OGM-GE", "[red]ours[/red]"))
    said = asgml("ablate", plan, "--dry-run", "--seeds", "7,", "--runs", tmp_path / "runs")
    assert said.code == 0 and "nothing was trained" in said.err
    assert "[red]ours[/red]" in said.out
    assert "baseline-s7" in said.out and not (tmp_path / "runs").exists()
    cells = asgml("ablate", plan, "--dry-run", "--json", "--runs", tmp_path / "runs").json["cells"]
    assert len(cells) == 10 and {cell["state"] for cell in cells} == {"waiting"}
