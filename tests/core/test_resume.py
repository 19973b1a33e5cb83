"""Trainer processes that are killed, stopped and resumed: the same run, bit for bit."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import torch
from core_kit import assert_same_rows, save_npz, small_data
from trainer_process import TrainerProcess

from asgml.core.run import checkpoint
from asgml.core.worker import main
from asgml.storage.commands.inbox import Request, make_request, send
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.start_phase import without_phases
from asgml.storage.read.reader import Run

TREE: dict[str, Any] = {
    "method": "ogm_ge+boost",
    "epochs": 12,
    "batch_size": 8,
    "device": "cpu",
    "threads": 1,
    "fusion": {"hidden": 16},
    "optimizer": {"lr": 0.05, "decay_every": 5},
    "probe": {"type": "mlp_1layer", "eval_freq": 3, "train_steps": 2},
    "ogm_ge": {"last_epoch": 8},
    "boost": {"ramp_epochs": 4},
    "checkpoint": {"every": 3},
}
"""120 steps, 10 an epoch, a checkpoint every 30."""
STEPS = 120
TURNED_AT = 63
"""A knob is turned at this step in every run: soon after the checkpoint of step 60."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_npz(small_data(train=81), tmp_path_factory.mktemp("data") / "small.npz")


def prepared(root: Path, data: Path, *, requests: tuple[Request, ...] = (), **changes: Any) -> Path:
    """A run directory as the launcher leaves it, with commands that wait for their steps."""
    paths = RunPaths(root / "run")
    paths.commands.mkdir(parents=True)
    paths.config.write_text(tomli_w.dumps({**TREE, "data": str(data), **changes}), encoding="utf-8")
    for request in (make_request("set", knob="alpha", value=1.25, at_step=TURNED_AT), *requests):
        send(paths.commands, request)
    return paths.root


@pytest.fixture(scope="module")
def undisturbed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that all others are compared with."""
    root = prepared(tmp_path_factory.mktemp("undisturbed"), data)
    child = TrainerProcess(root)
    assert child.wait() == 0, child.log()
    return root


def until(condition: Callable[[], bool], child: TrainerProcess, what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert child.code is None, (
            f"the trainer ended with {child.code} before {what}: {child.log()}"
        )
        assert time.monotonic() < end, f"waited too long for {what}"
        time.sleep(0.005)


def saved(root: Path) -> list[int]:
    """Steps of the checkpoints that are there."""
    return sorted(
        int(path.stem.partition("-")[2]) for path in (root / "checkpoints").glob("step-*.pt")
    )


def best(root: Path) -> list[str]:
    return [path.name for path in (root / "checkpoints").glob("best-*")]


def until_paused(root: Path, child: TrainerProcess) -> None:
    until(
        lambda: (root / "run.zarr" / "zarr.json").exists() and Run.open(root).state() == "paused",
        child,
        "the pause",
    )


def assert_same_run(root: Path, undisturbed: Path) -> None:
    """Rows, final weights, optimizer, probes, generators and knobs."""
    ours, theirs = Run.open(root), Run.open(undisturbed)
    assert ours.state() == theirs.state() == "finished"
    assert_same_rows(ours, theirs)
    assert ours.column("steps", "step")[ours.current_rows("steps")].tolist() == list(
        range(1, STEPS + 1)
    )
    assert saved(root)[-1] == STEPS
    left, right = (
        checkpoint.load(checkpoint.path_at(path / "checkpoints", STEPS))
        for path in (root, undisturbed)
    )
    for state in (left, right):
        del state["active_time"]
    assert_same_state(left, right)
    assert ours.knobs_at() == theirs.knobs_at()
    assert best(root) == best(undisturbed)


def assert_same_state(ours: Any, theirs: Any, where: str = "state") -> None:
    assert type(ours) is type(theirs), where
    if isinstance(ours, torch.Tensor):
        assert torch.equal(ours, theirs), where
    elif isinstance(ours, dict):
        assert list(ours) == list(theirs), where
        for key in ours:
            assert_same_state(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs), where
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same_state(one, other, f"{where}[{i}]")
    else:
        assert ours == theirs, where


def segments(root: Path) -> list[str]:
    return [
        event.kind
        for event in Run.open(root).events
        if event.kind in ("started", "resumed", "finished", "stopped", "failed")
    ]


# -- killed --------------------------------------------------------------------------


def test_killed_at_a_random_moment_twice(data: Path, undisturbed: Path, tmp_path: Path) -> None:
    """At random, so that over many runs of this test every moment has its turn."""
    root = prepared(tmp_path, data)
    seed = time.time_ns()
    chance = random.Random(seed)
    print(f"seed {seed}")
    for resume, wanted in ((False, 30), (True, 60)):
        child = TrainerProcess(root, resume=resume)
        until(
            lambda wanted=wanted: bool(saved(root)) and saved(root)[-1] >= wanted,
            child,
            "the checkpoint",
        )
        time.sleep(0.05 * chance.random())
        child.kill()
        assert Run.open(root).state(time.time_ns() + 5 * 10**9) == "crashed"
    child = TrainerProcess(root, resume=True)
    assert child.wait() == 0, child.log()
    assert segments(root) == ["started", "resumed", "resumed", "finished"]
    assert_same_run(root, undisturbed)


def test_killed_after_a_knob_was_turned(data: Path, undisturbed: Path, tmp_path: Path) -> None:
    """The last checkpoint is older than the change: it is made again at its step, and recorded."""
    root = prepared(tmp_path, data, requests=(make_request("pause", at_step=TURNED_AT + 7),))
    child = TrainerProcess(root)
    until_paused(root, child)
    child.kill()
    assert saved(root)[-1] == 60 < TURNED_AT
    child = TrainerProcess(root, resume=True)
    assert child.wait() == 0, child.log()
    assert_same_run(root, undisturbed)
    run = Run.open(root)
    again = [event for event in run.events if event.kind == "phase" and event.get("knob")]
    assert [(event.step, event.get("knob"), event.get("after")) for event in again] == [
        (TURNED_AT, "boost.alpha", 1.25)
    ]
    assert (
        len(
            [
                event
                for event in run.events
                if event.kind == "command" and event.get("knob") == "boost.alpha"
            ]
        )
        == 1
    )


def test_killed_before_the_first_checkpoint(data: Path, undisturbed: Path, tmp_path: Path) -> None:
    root = prepared(tmp_path, data, requests=(make_request("pause", at_step=17),))
    child = TrainerProcess(root)
    until_paused(root, child)
    child.kill()
    assert saved(root) == []
    child = TrainerProcess(root, resume=True)
    assert child.wait() == 0, child.log()
    assert_same_run(root, undisturbed)


def test_resumed_before_it_ever_had_a_store(data: Path, undisturbed: Path, tmp_path: Path) -> None:
    """The trainer was killed while it was still importing torch."""
    root = prepared(tmp_path, data)
    child = TrainerProcess(root, resume=True)
    assert child.wait() == 0, child.log()
    assert segments(root) == ["started", "finished"]
    assert_same_run(root, undisturbed)


def test_a_checkpoint_that_cannot_be_read_can_be_removed(
    data: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """As the error says; the run continues from the one before, with its best model."""
    root = prepared(tmp_path, data, requests=(make_request("pause", at_step=70),))
    child = TrainerProcess(root)
    until_paused(root, child)
    child.kill()
    newest = checkpoint.path_at(root / "checkpoints", 60)
    newest.write_bytes(newest.read_bytes()[:1000])
    child = TrainerProcess(root, resume=True)
    assert child.wait() == 1
    assert re.fullmatch(
        rf"error: checkpoint {newest} cannot be read: \w+; remove it to go on from an older one\n",
        child.log(),
    )
    newest.unlink()
    child = TrainerProcess(root, resume=True)
    assert child.wait() == 0, child.log()
    assert_same_run(root, undisturbed)


# -- stopped -------------------------------------------------------------------------


def test_stopped_by_a_signal(data: Path, undisturbed: Path, tmp_path: Path) -> None:
    """It saves a checkpoint, exits with 0, and can be resumed. A lost terminal ends nothing."""
    root = prepared(tmp_path, data)
    child = TrainerProcess(root)
    until(lambda: bool(saved(root)), child, "the checkpoint")
    child.send(signal.SIGHUP)
    child.send(signal.SIGTERM)
    assert child.wait() == 0, child.log()
    stopped = Run.open(root)
    assert stopped.state() == "stopped" and segments(root) == ["started", "stopped"]
    last = int(stopped.column("steps", "step")[-1])
    assert saved(root)[-1] == last
    assert [event.get("why") for event in stopped.events if event.kind == "checkpoint"][
        -1
    ] == "stop"
    assert not (root / "writer.lock").exists()
    if (
        last < TURNED_AT
    ):  # what was not due when the run ended has expired, so the user would send it again
        send(
            RunPaths(root).commands,
            make_request("set", knob="alpha", value=1.25, at_step=TURNED_AT),
        )
    child = TrainerProcess(root, resume=True)
    assert child.wait() == 0, child.log()
    assert segments(root) == ["started", "stopped", "resumed", "finished"]
    assert_same_run(root, undisturbed)


def test_stopped_while_paused(data: Path, undisturbed: Path, tmp_path: Path) -> None:
    root = prepared(tmp_path, data, requests=(make_request("pause", at_step=TURNED_AT + 2),))
    child = TrainerProcess(root)
    until_paused(root, child)
    child.send(signal.SIGTERM)
    assert child.wait() == 0, child.log()
    assert saved(root)[-1] == TURNED_AT + 2
    child = TrainerProcess(root, resume=True)
    assert child.wait() == 0, child.log()
    assert_same_run(root, undisturbed)


SLOW = """
import time
from pathlib import Path
from asgml.core.modulators.base import Modulator

class Slow(Modulator):
    steps = 0
    def modulate(self, backward):
        self.steps += 1
        if self.steps == 15:
            Path(__file__).with_name("asleep").touch()
            time.sleep(600)
        return super().modulate(backward)
"""


def test_a_second_signal_ends_at_once(data: Path, tmp_path: Path) -> None:
    """In a step that would take minutes; no checkpoint is saved, the rows so far are."""
    (tmp_path / "slow.py").write_text(SLOW)
    root = prepared(tmp_path, data, modulator=f"{tmp_path / 'slow.py'}:Slow")
    child = TrainerProcess(root)
    until((tmp_path / "asleep").exists, child, "the long step")
    child.send(signal.SIGTERM)
    time.sleep(0.3)
    assert child.code is None, "the first signal waits for the step"
    child.send(signal.SIGTERM)
    assert child.wait() == 0, child.log()
    run = Run.open(root)
    assert run.state() == "stopped" and run.rows("steps") == 14
    assert saved(root) == []
    assert not (root / "writer.lock").exists()


def test_signals_without_end_do_no_harm(data: Path, tmp_path: Path) -> None:
    """Somebody leans on Ctrl-C: also while the run is being closed."""
    root = prepared(tmp_path, data)
    child = TrainerProcess(root)
    until(lambda: bool(saved(root)), child, "the checkpoint")
    while child.code is None:
        child.send(signal.SIGINT)
        time.sleep(0.001)
    assert child.code == 0, child.log()
    run = Run.open(root)
    assert run.state() == "stopped"
    assert segments(root) == ["started", "stopped"]
    assert child.log() == ""
    assert not (root / "writer.lock").exists()


def test_a_finished_run_that_is_resumed_stays_finished(undisturbed: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(undisturbed, root)
    child = TrainerProcess(root, resume=True)
    assert child.wait() == 0, child.log()
    assert_same_run(root, undisturbed)


# -- the process ---------------------------------------------------------------------


def test_the_command_line_of_a_trainer(data: Path, tmp_path: Path) -> None:
    """As the launcher calls it; a mistake is one line on stderr and exit code 1."""
    root = prepared(tmp_path, data, epochs=0)
    words = [sys.executable, "-P", "-m", "asgml.core.worker", str(root)]
    done = subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: epochs = 0: expected 1 or more\n"


def toml(**changes: Any) -> str:
    return tomli_w.dumps({**TREE, **changes})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "no configuration in"),
        ("method = ", "run.toml is not valid TOML"),
        (b"\xff\xfe", "run.toml is not valid TOML"),
        (toml(speed=3), "unknown key 'speed'"),
        (toml(method="bost"), "unknown method 'bost': did you mean boost"),
        (toml(boost={"alpha": 7}), "boost.alpha = 7"),
        (toml(optimizer={"lr": "fast"}), "optimizer.lr = 'fast'"),
        (toml(data="nowhere.npz"), "no data 'nowhere.npz'"),
        (toml(data=__file__), "not an .npz file"),
        (toml(data={"name": "synthetic", "options": {"size": 3}}), "no option 'size'"),
        (toml(device="cuda:99"), "device 'cuda:99'"),
        (toml(modulator="nowhere.py:Mine"), "expected FILE.py:CLASS"),
        (toml(encoder={"default": "sequence"}), "takes (T, F) inputs"),
        (toml(encoder={"smell": "mlp"}), "encoder for unknown modality 'smell'"),
        (toml(ogm_ge={"params": "conv4d"}), "has no parameters of rule conv4d"),
        (toml(probe={"enabled": False}), "guided by the probes"),
    ],
)
def test_mistakes_are_one_line(
    text: str | bytes | None,
    expected: str,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if isinstance(text, str) and "data" not in text and "no configuration" not in expected:
        text = f'data = "{data}"\n{text}'
    if text is not None:
        (tmp_path / "run.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main([str(tmp_path)]) == 1
    out, said = capsys.readouterr()
    error = "".join(without_phases(said.splitlines(keepends=True)))
    assert out == ""
    assert error.startswith("error: ") and error.endswith("\n") and error.count("\n") == 1
    assert expected in error
    assert not (tmp_path / "run.zarr").exists()


def test_a_run_that_is_there_already_is_not_overwritten(
    undisturbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(undisturbed)]) == 1
    error = "".join(without_phases(capsys.readouterr().err.splitlines(keepends=True)))
    assert (
        error.startswith("error: ")
        and error.count("\n") == 1
        and "holds a run already; resume it" in error
    )
    assert Run.open(undisturbed).state() == "finished"


def test_a_run_of_a_newer_version_is_not_gone_on_with(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "run"
    shutil.copytree(undisturbed, root)
    attributes = root / "run.zarr" / "zarr.json"
    attributes.write_text(re.sub(r'"version": \d+', '"version": 99', attributes.read_text()))
    assert main([str(root), "--resume"]) == 1
    error = "".join(without_phases(capsys.readouterr().err.splitlines(keepends=True)))
    assert (
        error == "error: run format version 99, this program reads up to 1; install a newer asgml\n"
    )


def recorded_before(
    undisturbed: Path, root: Path, change: Callable[[dict[str, Any]], None]
) -> Path:
    """A copy of the finished run whose manifest was written by another version."""
    shutil.copytree(undisturbed, root)
    attributes = root / "run.zarr" / "zarr.json"
    record = json.loads(attributes.read_text())
    change(record["attributes"])
    attributes.write_text(json.dumps(record))
    return root


def test_reworded_texts_of_metrics_do_not_block_a_resume(undisturbed: Path, tmp_path: Path) -> None:
    def reword(manifest: dict[str, Any]) -> None:
        for metric in manifest["metrics"]:
            metric["help"] = f"once called {metric['name']}"

    root = recorded_before(undisturbed, tmp_path / "run", reword)
    child = TrainerProcess(root, resume=True)
    assert child.wait() == 0, child.log()
    assert segments(root)[-2:] == ["resumed", "finished"]


def test_other_columns_block_a_resume(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = recorded_before(
        undisturbed, tmp_path / "run", lambda manifest: manifest["metrics"].pop()
    )
    assert main([str(root), "--resume"]) == 1
    assert "was recorded with other metrics than this version's" in capsys.readouterr().err
    assert segments(root)[-1] == "finished"


def test_other_data_than_it_began_with_is_refused(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file's content is another one now; the run is left as it was."""
    run = tmp_path / "run"
    shutil.copytree(undisturbed, run)
    other = save_npz(small_data(train=82), tmp_path / "small.npz")
    config = run / "run.toml"
    config.write_text(re.sub(r"data = .*small.npz\"", f'data = "{other}"', config.read_text()))
    before = len(Run.open(run).events)
    assert main([str(run), "--resume"]) == 1
    assert re.fullmatch(
        r"error: run run began with other data: its content was .*; "
        r"put the old data back, or start a new run\n",
        "".join(without_phases(capsys.readouterr().err.splitlines(keepends=True))),
    )
    assert len(Run.open(run).events) == before


def test_the_best_model_of_every_kept_checkpoint_is_kept(tmp_path: Path) -> None:
    """With the best models of steps 5, 15 and 35, and the checkpoints of 10, 20, 30 and 40."""
    for step in (5, 15, 35):
        checkpoint.best_path(tmp_path, step).touch()
    for step in (10, 20, 30, 40):
        checkpoint.path_at(tmp_path, step).touch()
    checkpoint.prune(tmp_path, 2, best_step=35, step=40)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best-00000015.pt",
        "best-00000035.pt",
        "step-00000030.pt",
        "step-00000040.pt",
    ]


def test_a_checkpoint_is_not_removed_for_those_of_later_steps(tmp_path: Path) -> None:
    for step in (10, 20, 100, 200):
        checkpoint.path_at(tmp_path, step).touch()
        checkpoint.best_path(tmp_path, step).touch()
    checkpoint.prune(tmp_path, 1, best_step=20, step=20)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{kind}-{step:08d}.pt" for kind in ("best", "step") for step in (20, 100, 200)
    ]


def test_a_run_with_checkpoints_that_has_lost_its_store_is_not_begun_again(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = prepared(tmp_path, data)
    (root / "checkpoints").mkdir(exist_ok=True)
    checkpoint.path_at(root / "checkpoints", 200).touch()
    assert main([str(root), "--resume"]) == 1
    error = "".join(without_phases(capsys.readouterr().err.splitlines(keepends=True)))
    assert "has checkpoints/step-00000200.pt but nothing published in run.zarr" in error
    assert error.count("\n") == 1 and not (root / "run.zarr").exists()


def test_a_store_that_cannot_be_written_is_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = prepared(tmp_path, data)
    (root / "run.zarr").write_text("a file where a folder should be")
    assert main([str(root)]) == 1
    error = "".join(without_phases(capsys.readouterr().err.splitlines(keepends=True)))
    assert error.startswith("error: ") and error.count("\n") == 1


def test_another_trainer_of_the_same_run_is_refused(data: Path, tmp_path: Path) -> None:
    root = prepared(tmp_path, data, requests=(make_request("pause", at_step=35),))
    first = TrainerProcess(root)
    until_paused(root, first)
    second = TrainerProcess(root, resume=True)
    assert second.wait() == 1
    assert "is being written by process" in second.log() and second.log().count("\n") == 1
    send(RunPaths(root).commands, make_request("stop"))
    assert first.wait() == 0
    assert Run.open(root).state() == "stopped"


def test_a_training_that_fails_is_told_in_the_run(data: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        SLOW.replace("time.sleep(600)", "raise ZeroDivisionError('on purpose')").replace(
            "Slow", "Bad"
        )
    )
    root = prepared(tmp_path, data, modulator=f"{tmp_path / 'bad.py'}:Bad")
    child = TrainerProcess(root)
    assert child.wait() == 1
    run = Run.open(root)
    assert run.state() == "failed" and run.rows("steps") == 14
    assert (
        run.events[-1].kind == "failed"
        and run.events[-1].get("error") == "ZeroDivisionError: on purpose"
    )
    assert "Traceback" in child.log() and "on purpose" in child.log()
