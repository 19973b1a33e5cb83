"""Starting a trainer: its directory, its environment, waiting for it, and its failures."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import asgml.tui.app as dashboard
from asgml.app import follow
from asgml.app.arguments import TrainArguments
from asgml.app.configure import build
from asgml.app.errors import FAILED, INTERRUPTED, REJECTED, USAGE
from asgml.app.launcher import OURS, start, worker_command, worker_environment
from asgml.app.new_run import make_run
from asgml.core.config.run_config import make_config
from asgml.storage.format.layout import RunPaths
from asgml.storage.read.reader import Run

Asgml = Callable[..., "Said"]


def wait_for_state(paths: RunPaths, *states: str) -> Run:
    run = Run.open(paths)
    until = time.monotonic() + 60
    while run.state() not in states:
        assert time.monotonic() < until, run.state()
        time.sleep(0.05)
        run.refresh()
    return run


def test_detach_prints_the_path_of_a_living_run(asgml: Asgml, runs: Path) -> None:
    said = asgml("train", "demo", "--epochs", 900, "--detach")
    assert said.code == 0
    paths = RunPaths(Path(said.out.strip()))
    assert paths.root == runs / "synthetic-ogm_ge+boost-01"
    run = Run.open(paths)
    assert run.state() == "running"
    launch = json.loads(paths.launch.read_text(encoding="utf-8"))
    assert run.head is not None and (launch["pid"], launch["process_start"]) == (
        run.head.pid,
        run.head.process_start,
    )
    assert os.getsid(launch["pid"]) == launch["pid"] != os.getsid(0)
    asgml("ctl", paths.name, "stop")
    wait_for_state(paths, "stopped")


def test_run_toml_is_the_whole_configuration_and_a_recipe(asgml: Asgml, runs: Path) -> None:
    said = asgml("train", "--epochs", 1, "--set", "alpha=0.75", "--name", "mine", "--wait")
    assert said.code == 0 and said.out == f"{runs / 'mine'}\n"
    tree = tomllib.loads((runs / "mine" / "run.toml").read_text(encoding="utf-8"))
    assert (
        make_config(tree).model_dump()
        == tree
        == build(TrainArguments(epochs=1, sets=("alpha=0.75",))).config().model_dump()
    )
    assert (
        build(TrainArguments(recipe=str(runs / "mine" / "run.toml"))).config().model_dump() == tree
    )


def test_wait_shows_progress_and_returns_at_the_end(asgml: Asgml, runs: Path) -> None:
    said = asgml("train", "--epochs", 3, "--name", "a", "--wait")
    assert said.code == 0 and "a finished" in said.err
    assert Run.open(runs / "a").state() == "finished"


def test_a_trainer_that_dies_at_the_start_is_shown_with_its_words(asgml: Asgml, runs: Path) -> None:
    for mode in ("--wait", "--detach"):
        said = asgml("train", "--device", "cuda:9", mode)
        assert said.code == FAILED
        assert "no such device: cuda:9" in said.err and "trainer.log" in said.err


def test_a_training_that_fails_is_exit_1(asgml: Asgml, runs: Path) -> None:
    said = asgml("train", "--device", "cuda:8", "--name", "a", "--wait")
    assert said.code == FAILED and "a failed" in said.err and "no longer finite" in said.err


def test_a_killed_trainer_is_exit_1(
    asgml: Asgml, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill_first(trainer: object) -> str:
        os.kill(
            json.loads((runs / "a" / "launch.json").read_text(encoding="utf-8"))["pid"],
            signal.SIGKILL,
        )
        return wait_for_end(trainer)  # type: ignore[arg-type]

    wait_for_end = follow.wait_for_end
    monkeypatch.setattr("asgml.app.commands.train.wait_for_end", kill_first)
    said = asgml("train", "--epochs", 900, "--name", "a", "--wait")
    assert said.code == FAILED and "a crashed" in said.err


@pytest.mark.parametrize("device", ["auto", "cuda:9"])
def test_in_a_terminal_the_dashboard_opens_while_the_trainer_starts(
    asgml: Asgml, runs: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    opened: list[tuple[str, str, object]] = []

    def look(target: Path, folder: Path, **options: object) -> int:
        opened.append((target.name, Run.open(target).state(), options["ascii"]))
        wait_for_state(RunPaths(target), "running", "finished", "failed")
        return 0

    monkeypatch.setattr(dashboard, "run_dashboard", look)
    monkeypatch.setattr("asgml.app.commands.watch.in_terminal", lambda: True)
    monkeypatch.setattr("asgml.app.commands.train.in_terminal", lambda: True)
    said = asgml("train", "--epochs", 2, "--device", device, "--name", "a", "--ascii")
    assert opened == [("a", "starting", True)]
    assert said.out == f"{runs / 'a'}\n"
    assert said.code == (0 if device == "auto" else FAILED) and ("no such device" in said.err) == (
        device != "auto"
    )


def test_the_dashboard_gets_the_preferences_of_the_user(
    asgml: Asgml, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, object]] = []
    monkeypatch.setattr(
        dashboard, "run_dashboard", lambda target, folder, **options: calls.append(options) or 0
    )
    monkeypatch.setattr("asgml.app.commands.watch.in_terminal", lambda: True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "asgml").mkdir()
    (tmp_path / "asgml" / "settings.toml").write_text(
        'ascii = true\nkeys = {pause = "p"}\n', encoding="utf-8"
    )
    make_run(build(TrainArguments()).config().model_dump(), runs, "a")
    assert (
        asgml("watch", "a", "--readonly").code == 0
        and asgml("replay", "a", "--speed", 4, "--at", 7).code == 0
    )
    watched, replayed = calls
    chosen = {"ascii": True, "keymap": {"pause": "p"}, "readonly": True}
    assert chosen.items() <= watched.items() and watched.get("clock", "live") == "live"
    replay = {"clock": "replay", "speed": 4.0, "at_step": 7}
    assert (chosen | replay).items() <= replayed.items()


def test_ctrl_c_leaves_the_training_alone(
    asgml: Asgml, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(trainer: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("asgml.app.commands.train.wait_for_end", interrupted)
    said = asgml("train", "--epochs", 900, "--name", "a", "--wait")
    assert said.code == INTERRUPTED and "asgml ctl a stop" in said.err
    assert Run.open(runs / "a").state() == "running"


def test_a_name_that_is_taken_is_refused(asgml: Asgml, runs: Path) -> None:
    asgml("train", "--epochs", 1, "--name", "a", "--wait")
    before = (runs / "a" / "run.toml").read_bytes()
    said = asgml("train", "--epochs", 2, "--name", "a", "--wait")
    assert said.code == USAGE and "asgml replay a" in said.err
    assert (runs / "a" / "run.toml").read_bytes() == before


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "latest", "-x", "a\nb", "\x1b[31m"])
def test_a_name_that_is_no_name_is_refused(asgml: Asgml, runs: Path, name: str) -> None:
    said = asgml("train", f"--name={name}", "--wait")
    assert said.code == USAGE and said.err.count("\n") == 1 and "\x1b" not in said.err
    assert not runs.exists() or not list(runs.iterdir())


def test_names_count_on(tmp_path: Path) -> None:
    config = build(TrainArguments()).config().model_dump()
    names = [make_run(config, tmp_path, None).name for _ in range(3)]
    assert names == [
        "synthetic-ogm_ge+boost-01",
        "synthetic-ogm_ge+boost-02",
        "synthetic-ogm_ge+boost-03",
    ]


def test_resume_goes_on_only_where_there_is_something_to_go_on_with(
    asgml: Asgml, runs: Path
) -> None:
    asgml("train", "--epochs", 900, "--name", "a", "--detach")
    assert asgml("resume", "a", "--wait").code == REJECTED
    asgml("ctl", "a", "stop")
    wait_for_state(RunPaths(runs / "a"), "stopped")
    assert asgml("resume", "a", "--detach").code == 0
    run = Run.open(runs / "a")
    assert run.state() == "running" and run.head is not None and run.head.segment == 1
    asgml("ctl", "a", "stop")
    asgml("train", "--epochs", 1, "--name", "b", "--wait")
    said = asgml("resume", "b", "--wait")
    assert said.code == REJECTED and "finished" in said.err
    (runs / "b" / "run.toml").write_text("a = = b", encoding="utf-8")
    said = asgml("resume", "b", "--wait")
    assert said.code == REJECTED and "run.toml is no TOML" in said.err
    (runs / "b" / "run.toml").unlink()
    said = asgml("resume", "b", "--wait")
    assert said.code == REJECTED and "run.toml is missing" in said.err


def test_an_external_training_loop_has_no_run_toml_and_is_resumed_by_its_own_program(
    asgml: Asgml, tiny_run: RunPaths
) -> None:
    tiny_run.config.unlink(missing_ok=True)
    said = asgml("resume", str(tiny_run.root), "--wait")
    assert said.code == REJECTED and "resume=True" in said.err


def test_a_finished_run_trains_on_to_more_epochs(asgml: Asgml, runs: Path) -> None:
    train = ("train", "--method", "boost", "--set", "boost.schedule=cosine", "--wait")
    asgml(*train, "--epochs", 2, "--name", "a")
    file = runs / "a" / "run.toml"
    made, before = file.stat().st_mtime_ns, tomllib.loads(file.read_text(encoding="utf-8"))
    said = asgml("resume", "a", "--wait")
    assert said.code == REJECTED and "asgml resume a --epochs N" in said.err
    for epochs in (1, 2):
        said = asgml("resume", "a", "--epochs", epochs, "--wait")
        assert said.code == REJECTED and "has trained 2" in said.err
    assert asgml("resume", "a", "--epochs", 10**6, "--wait").code == USAGE
    assert tomllib.loads(file.read_text(encoding="utf-8")) == before
    said = asgml("resume", "a", "--epochs", 3, "--wait")
    assert said.code == 0 and "boost.schedule=cosine spreads over all epochs" in said.err
    assert tomllib.loads(file.read_text(encoding="utf-8")) == {**before, "epochs": 3}
    assert file.stat().st_mtime_ns == made, "the list of runs is in the order of this time"


def test_the_worker_is_started_without_the_current_directory() -> None:
    assert worker_command()[1:] == ["-P", "-m", "asgml.core.worker"]
    given = os.pathsep.join(["", ".", "relative", str(Path.cwd()), "/somewhere", str(OURS)])
    environment = worker_environment({"PYTHONPATH": given, "HOME": "/root"})
    assert environment["PYTHONPATH"].split(os.pathsep) == [str(OURS), "/somewhere"]
    assert environment["PYTHONSAFEPATH"] == "1" and environment["HOME"] == "/root"
    # the trainer works in the run directory: whose commit it records, the launcher tells it
    given_before = {"ASGML_LAUNCHED_FROM": "/elsewhere"}
    for before in ({}, given_before):
        assert worker_environment(before)["ASGML_LAUNCHED_FROM"] == str(Path.cwd())


def test_an_installed_worker_needs_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "asgml.app.launcher.OURS",
        Path(next(entry for entry in sys.path if entry.endswith("site-packages"))).resolve(),
    )
    assert "PYTHONPATH" not in worker_environment({"PYTHONPATH": "."})


def test_a_relative_runs_directory_can_be_resumed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The worker runs inside the run directory, so its path must not be relative to ours."""
    told: list[list[str]] = []

    class Started:
        pid = os.getpid()

        def __init__(self, arguments: list[str], **_: object) -> None:
            told.append(arguments)

        def wait(self) -> int:
            return 0

    (tmp_path / "runs" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("asgml.app.launcher.subprocess.Popen", Started)
    start(RunPaths(Path("runs/a")), resume=True)
    assert told[0][-2:] == [str(tmp_path / "runs" / "a"), "--resume"]
