"""`asgml wait` and `asgml alerts`: what they print, and the exit codes that scripts go by."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loopback import loopback
from tiny import tiny_manifest, tiny_row

from asgml.app.commands.wait import TIMED_OUT, seconds_of
from asgml.app.errors import FAILED, NOT_FOUND, OK, USAGE, UserError
from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths, list_runs
from asgml.storage.format.process import this_host
from asgml.storage.format.status import HEAD_KEY, State
from asgml.storage.write.writer import RunWriter

Asgml = Callable[..., Any]


@pytest.fixture
def ended(tiny_run: RunPaths, tmp_path: Path) -> RunPaths:
    """A finished run of 40 steps that the test may write to."""
    return RunPaths(Path(shutil.copytree(tiny_run.root, tmp_path / "tiny-02")))


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[RunPaths, RunWriter]]:
    """A run that this process writes."""
    paths = RunPaths(tmp_path / "live-01")
    paths.root.mkdir()
    writer = RunWriter.create(paths, tiny_manifest("live-01"), flush_every=0.01)
    writer.event(Event("started", 0, 1.0, 0.0, 0, {"host": this_host(), "pid": os.getpid()}))
    writer.mark(state=State.RUNNING)
    writer.flush()
    yield paths, writer
    writer.close(State.FINISHED)


def add_row(writer: RunWriter, table: str, step: int) -> None:
    writer.append(table, tiny_row(tiny_manifest("x"), table, step))
    writer.flush()


def in_background(asgml: Asgml, *words: object) -> Callable[[], Any]:
    """Start a command in a thread; return what waits for its answer."""
    answer: list[Any] = []
    thread = threading.Thread(target=lambda: answer.append(asgml(*words)))
    thread.start()

    def join() -> Any:
        thread.join(60)
        assert answer, "it waits still"
        return answer[0]

    return join


# -- wait --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("ended", "the run is finished"),
        ("finished", "the run is finished"),
        ("step=40", "step 40 is done"),
        ("step=7", "step 40 is done"),
        ("loss<1.5", "loss is 1.48 at step 21"),
        ("grad_norm >= 1", "grad_norm/audio is 1.00 at step 40"),
        ("utilization_gap>0.2", "utilization_gap is 0.250 at step 10"),
        ("alert", "trainer: loss is NaN"),
        ("alert=trainer", "trainer: loss is NaN"),
    ],
)
def test_what_is_so_already_is_told_at_once(
    asgml: Asgml, ended: RunPaths, what: str, told: str
) -> None:
    said = asgml("wait", ended.root, "--for", what)
    assert (said.code, said.out, said.err) == (OK, told + "\n", "")


@pytest.mark.parametrize(
    "what",
    ["running", "failed", "diverged", "step=41", "loss>2", "accuracy>1", "alert=nan", "loss>inf"],
)
def test_a_run_that_has_ended_without_it_is_exit_1(
    asgml: Asgml, ended: RunPaths, what: str
) -> None:
    said = asgml("wait", ended.root, "--for", what)
    assert (said.code, said.out) == (FAILED, "")
    assert said.err == "tiny-02 finished without it\n"
    record = asgml("wait", ended.root, "--for", what, "--json").json
    assert (record["met"], record["state"], record["why"]) == (None, "finished", "ended")


def test_the_first_of_several_counts(asgml: Asgml, ended: RunPaths) -> None:
    words = ("--for", "loss>2", "--for", "loss<1.9", "--for", "ended", "--json")
    record = asgml("wait", ended.root, *words).json
    assert record == {
        "met": "loss<1.9", "run": "tiny-02", "state": "finished", "step": 5,
        "text": "loss is 1.88 at step 5", "column": "loss", "value": 1.875,
    }  # fmt: skip


@pytest.mark.parametrize(
    "what",
    ["", "end", "step=", "step=-1", "step=x", "step=1e3", "loss", "loss=3", "loss>", "loss>x",
     "loss>nan", ">3", "alert=", "loss>1>2", "\x1b[31m>"],
)  # fmt: skip
def test_what_is_no_condition_is_told_in_one_line(asgml: Asgml, ended: RunPaths, what: str) -> None:
    said = asgml("wait", ended.root, "--for", what)
    assert said.code == USAGE and said.err.count("\n") == 1 and "\x1b" not in said.err
    assert "expected ended, running, another state, step=N" in said.err


def test_a_metric_that_the_run_lacks_is_named(asgml: Asgml, ended: RunPaths) -> None:
    said = asgml("wait", ended.root, "--for", "val_acc>0.5")
    assert said.code == USAGE and "records no 'val_acc'; did you mean val_accuracy?" in said.err


def test_a_run_that_is_not_there_is_exit_3_unless_it_may_appear(
    asgml: Asgml, tmp_path: Path, ended: RunPaths
) -> None:
    said = asgml("wait", "later", "--runs", tmp_path)
    assert said.code == NOT_FOUND and "--appear waits for it" in said.err
    said = asgml("wait", "later", "--runs", tmp_path, "--appear", "--timeout", "0.1")
    assert said.code == TIMED_OUT and "no run 'later' has appeared" in said.err
    answer = in_background(asgml, "wait", "later", "--runs", tmp_path, "--appear")
    ended.root.rename(tmp_path / "later")
    assert answer().out == "the run is finished\n"


def test_a_living_run_is_waited_for(asgml: Asgml, live: tuple[RunPaths, RunWriter]) -> None:
    paths, writer = live
    said = asgml("wait", paths.root, "--timeout", "0")
    assert (said.code, said.err) == (TIMED_OUT, "live-01 is still running\n")
    assert asgml("wait", paths.root, "--for", "running").code == OK
    answer = in_background(asgml, "wait", paths.root, "--for", "accuracy>0.1", "--for", "step=9")
    for step in range(1, 6):
        add_row(writer, "steps", step)
    assert answer().out == "accuracy is 0.125 at step 5\n"
    answer = in_background(asgml, "wait", paths.root, "--for", "alert=big")
    writer.event(Event("alert", 5, 2.0, 1.0, 0, {"message": "so big", "rule": "big"}))
    writer.flush()
    assert answer().out == "big: so big\n"
    answer = in_background(asgml, "wait", paths.root)
    writer.close(State.FAILED)
    assert answer().out == "the run is failed\n"


def test_a_trainer_that_is_killed_ends_the_waiting(asgml: Asgml, runs: Path) -> None:
    assert asgml("train", "--epochs", "100000", "--detach").code == OK
    (paths,) = list_runs(runs)
    answer = in_background(asgml, "wait", paths.root, "--for", "finished")
    os.kill(json.loads(paths.launch.read_text())["pid"], signal.SIGKILL)
    said = answer()
    assert said.code == FAILED and said.err == f"{paths.name} crashed without it\n"
    assert asgml("wait", paths.root, "--for", "failed").code == OK
    assert asgml("wait", paths.root, "--for", "alert=failed").code == OK


def test_a_host_that_is_gone_is_exit_3(
    asgml: Asgml, live: tuple[RunPaths, RunWriter], tmp_path: Path
) -> None:
    paths, writer = live
    writer.event(Event("resumed", 0, 1.0, 0.0, 0, {"host": "elsewhere"}))
    writer.flush()
    copy = RunPaths(Path(shutil.copytree(paths.root, tmp_path / "copy")))
    head = copy.store / HEAD_KEY
    slots = np.frombuffer(head.read_bytes(), "<i8").copy()
    slots[1] -= 3600 * 10**9
    head.write_bytes(slots.tobytes())
    said = asgml("wait", copy.root)
    assert said.code == NOT_FOUND and said.err.startswith(
        "copy is stale: no sign of its trainer on elsewhere for 360"
    )
    assert asgml("wait", copy.root, "--for", "alert=no_data").code == OK


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90", 90), ("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400),
     ("1.5h", 5400), ("1d", 86400)],
)  # fmt: skip
def test_spans_of_time(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "h", "2 h", "1h-", "2x", "inf", "nan", "9" * 50])
def test_what_is_no_span_is_told(text: str) -> None:
    with pytest.raises(UserError, match="expected a span"):
        seconds_of(text)


# -- alerts ------------------------------------------------------------------------------


def test_alerts_are_listed_and_acknowledged(asgml: Asgml, ended: RunPaths) -> None:
    (nan, end) = asgml("alerts", ended.root, "--json").json
    assert (nan["rule"], nan["step"], nan["acknowledged"]) == ("trainer", 20, False)
    assert (end["rule"], end["level"]) == ("ended", "info")
    said = asgml("alerts", ended.root, "--ack", nan["id"])
    assert said.code == OK
    assert [line.endswith("(acknowledged)") for line in said.out.splitlines()] == [True, False]
    assert asgml("wait", ended.root, "--for", "alert").code == FAILED
    asgml("alerts", ended.root, "--ack", "all")
    assert all(one["acknowledged"] for one in asgml("alerts", ended.root, "--json").json)


def test_an_alert_that_is_not_there_cannot_be_acknowledged(asgml: Asgml, ended: RunPaths) -> None:
    said = asgml("alerts", ended.root, "--ack", "e999")
    assert said.code == NOT_FOUND and "has no such alert; it has e1, " in said.err
    assert not (ended.root / "acknowledged.jsonl").exists()
    (ended.root / "acknowledged.jsonl").mkdir()
    said = asgml("alerts", ended.root, "--ack", "all")
    assert said.code == FAILED and said.err.count("\n") == 1


def test_a_test_goes_over_every_way_and_tells_which_failed(
    asgml: Asgml, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = asgml("alerts", "--test")
    assert said.code == USAGE and "neither hook nor webhooks" in said.err
    with loopback() as server:
        webhooks = [{"url": server.url(), "format": "ntfy"}, {"url": server.url("/s3cret")}]
        hook = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        monkeypatch.setenv("ASGML_NOTIFY", json.dumps({"hook": hook, "webhooks": webhooks}))
        server.codes = [200, 404]
        said = asgml("alerts", "--test")
    assert said.code == FAILED and "s3cret" not in said.out
    assert said.out.splitlines() == [
        "hook: ok", "webhook 1 (ntfy): ok", "webhook 2 (json): HTTP 404",
    ]  # fmt: skip
    assert [posted.path for posted in server.posted] == ["/topic", "/s3cret"]


@pytest.mark.parametrize(
    ("notify", "told"),
    [
        ({"webhooks": [{"url": "http://example.org/s3cret"}]}, "url is not https"),
        ({"hook": "page"}, "list"),
        ({"bel": True}, "bel"),
    ],
)
def test_bad_settings_are_one_line_without_their_secrets(
    asgml: Asgml, monkeypatch: pytest.MonkeyPatch, notify: Any, told: str
) -> None:
    monkeypatch.setenv("ASGML_NOTIFY", json.dumps(notify))
    said = asgml("alerts", "--test")
    assert said.code == USAGE and said.err.count("\n") == 1
    assert told in said.err and "s3cret" not in said.err


def test_bad_rules_in_the_settings_are_told_before_a_training_starts(
    asgml: Asgml, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASGML_ALERTS", '[{"rule": "thresold"}]')
    said = asgml("train", "--detach")
    assert said.code == USAGE and "rule = 'thresold'" in said.err and said.err.count("\n") == 1
    assert not runs.exists() or not list_runs(runs)


def test_the_loop_of_another_program_is_delivered_for(
    asgml: Asgml, ended: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asgml("alerts", ended.root, "--deliver").code == USAGE
    with loopback() as server:
        monkeypatch.setenv("ASGML_NOTIFY", json.dumps({"webhooks": [{"url": server.url()}]}))
        assert asgml("alerts", ended.root, "--deliver").code == OK
        assert [posted.json["rule"] for posted in server.posted] == ["ended"]


def test_the_doctor_tells_what_would_keep_an_alert_from_its_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from asgml.app.commands.doctor_alerts import alert_checks

    assert [check.found for check in alert_checks()] == ["in the dashboard alone"]
    webhooks = [{"url": "env:NO_HOOK"}, {"url": "https://example.org/s3cret", "format": "ntfy"}]
    notify = {"hook": ["/nowhere/page"], "webhooks": webhooks}
    monkeypatch.setenv("ASGML_NOTIFY", json.dumps(notify))
    checks = alert_checks()
    assert [(check.name, check.status) for check in checks] == [
        ("hook", "note"), ("webhook 1", "note"), ("webhook 2", "ok"),
    ]  # fmt: skip
    assert "variable NO_HOOK is not set" in checks[1].found
    assert "s3cret" not in str(checks)


def test_printed_settings_hide_what_may_be_a_secret(
    asgml: Asgml, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = {"url": "https://example.org/s3cret", "headers": {"A": "s3cret", "B": "env:TOKEN"}}
    monkeypatch.setenv("ASGML_NOTIFY", json.dumps({"webhooks": [webhook]}))
    for words in ((), ("--json",)):
        said = asgml("config", "show", "--settings", *words)
        assert said.code == OK and "s3cret" not in said.out and "env:TOKEN" in said.out
