"""The watcher beside a trainer: it tells of what a dead or hanging trainer cannot tell."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback, Posted, loopback
from tiny import tiny_manifest

from asgml.app.alerts.message import Message
from asgml.app.alerts.targets import Target
from asgml.app.alerts.watcher import LOCK, _only_one, watch
from asgml.storage.alerts.acknowledged import acknowledge
from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths, list_runs
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter

TOPIC = "/s3cret-topic"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A server that the settings name, its address a secret."""
    with loopback() as server:
        webhook = {"url": server.url(TOPIC), "headers": {"X-Token": "s3cret-token"}}
        monkeypatch.setenv("ASGML_NOTIFY", json.dumps({"webhooks": [webhook]}))
        yield server


@pytest.fixture
def writable_run(tiny_run: RunPaths, tmp_path: Path) -> RunPaths:
    """A finished run that the test may write to."""
    return RunPaths(Path(shutil.copytree(tiny_run.root, tmp_path / "tiny-02")))


@pytest.fixture
def live_writer(tmp_path: Path) -> Iterator[tuple[RunPaths, RunWriter]]:
    """A run that this process writes."""
    paths = RunPaths(tmp_path / "live-01")
    paths.root.mkdir()
    writer = RunWriter.create(paths, tiny_manifest("live-01"), flush_every=0.01)
    writer.mark(state=State.RUNNING)
    yield paths, writer
    writer.close(State.FINISHED)


def told(posted: list[Posted]) -> list[str]:
    return [one.json["rule"] for one in posted]


def start(asgml: Callable[..., Any], runs: Path, *words: str) -> tuple[RunPaths, int]:
    """A run with the fake trainer, and the trainer's pid."""
    said = asgml("train", "--epochs", "100000", "--detach", *words)
    assert said.code == 0, said.err
    (paths,) = list_runs(runs)
    return paths, json.loads(paths.launch.read_text())["pid"]


def test_a_trainer_that_is_killed_is_told_of_and_no_secret_is_in_its_run(
    asgml: Callable[..., Any], runs: Path, server: Loopback
) -> None:
    paths, pid = start(asgml, runs)
    os.kill(pid, signal.SIGKILL)
    (posted,) = server.wait_for(1)
    assert posted.path == TOPIC and posted.headers["X-Token"] == "s3cret-token"
    record = posted.json
    assert (record["rule"], record["run"], record["level"]) == ("failed", paths.name, "error")
    assert record["message"].startswith("the trainer is gone: the last published step is ")
    # the watcher ends, for all has been told: then its lock is free
    with _only_one(paths) as alone:
        assert alone
    assert (
        "delivered: crashed.0 (failed) to webhook 1 (json)"
        in (paths.root / "alerts.log").read_text()
    )
    for file in paths.root.rglob("*"):
        assert file.is_dir() or b"s3cret" not in file.read_bytes(), file


def test_a_trainer_that_hangs_is_told_of_and_then_its_end(
    asgml: Callable[..., Any], runs: Path, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [{"rule": "no_data", "for_seconds": 1.5}, {"rule": "ended", "level": "warning"}]
    monkeypatch.setenv("ASGML_ALERTS", json.dumps(rules))
    paths, pid = start(asgml, runs)
    os.kill(pid, signal.SIGSTOP)
    try:
        (posted,) = server.wait_for(1)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert posted.json["rule"] == "no_data" and "no data for" in posted.json["message"]
    assert asgml("ctl", paths.root, "stop").code == 0
    posted = server.wait_for(2)[-1]
    assert (posted.json["rule"], posted.json["level"]) == ("ended", "warning")


def test_no_watcher_is_started_where_nobody_is_to_be_told(
    asgml: Callable[..., Any], runs: Path
) -> None:
    paths, pid = start(asgml, runs)
    os.kill(pid, signal.SIGKILL)
    assert not (paths.root / LOCK).exists() and not (paths.root / "alerts.log").exists()


class Kept:
    """A target that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.targets = [Target("kept", "webhook", self.got.append, 1)]

    @property
    def rules(self) -> list[str]:
        return [message.alert.rule for message in self.got]


def test_an_ended_run_is_told_once_however_often_it_is_watched(writable_run: RunPaths) -> None:
    kept = Kept()
    watch(writable_run, kept.targets, every=0.01)
    first = kept.rules
    assert first[-1] == "ended" and len(first) == len(set(m.alert.id for m in kept.got))
    watch(writable_run, kept.targets, every=0.01)
    assert kept.rules == first


def test_a_run_of_a_plan_is_named_with_its_plan(writable_run: RunPaths) -> None:
    kept = Kept()
    (writable_run.root.parent / "plan.json").write_text("{}")
    watch(writable_run, kept.targets, every=0.01)
    assert kept.got[0].source.name == f"{writable_run.root.parent.name}/tiny-02"


def test_from_now_tells_nothing_of_what_was_before(writable_run: RunPaths) -> None:
    kept = Kept()
    watch(writable_run, kept.targets, every=0.01, from_now=True)
    assert kept.got == []


def test_a_watcher_ends_with_the_folder_of_its_run(tmp_path: Path) -> None:
    watch(RunPaths(tmp_path / "gone"), Kept().targets, every=0.01)


def test_a_run_has_one_watcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asgml.app.alerts.watcher.LOCK_SECONDS", 0.0)
    paths = RunPaths(tmp_path)
    with _only_one(paths) as first, _only_one(paths) as second:
        assert first and not second
    with _only_one(paths) as later:
        assert later


def test_alerts_of_a_living_run_come_while_it_trains(live_writer: Any) -> None:
    """NaN is told before the run ends; what is acknowledged meanwhile is told all the same."""
    paths, writer = live_writer
    kept = Kept()
    watching = threading.Thread(target=watch, args=(paths, kept.targets), kwargs={"every": 0.01})
    watching.start()
    fields = {"level": "error", "message": "loss is nan", "rule": "nan", "at_step": 3}
    writer.event(Event("alert", 5, 1000.0, 1.0, 0, fields))
    writer.flush()
    while not kept.got:
        assert watching.is_alive()
        watching.join(0.01)
    assert kept.got[0].alert.step == 3
    acknowledge(paths, [kept.got[0].alert.id])
    writer.event(Event("finished", 9, 1001.0, 2.0, 0))
    writer.close(State.FINISHED)
    watching.join(60)
    assert not watching.is_alive() and kept.rules == ["nan", "ended"]
