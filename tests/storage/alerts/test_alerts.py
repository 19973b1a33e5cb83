"""Alerts as readers conclude them from events and states, and what is acknowledged of them."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from asgml.storage.alerts.acknowledged import (
    MAX_BYTES,
    acknowledge,
    acknowledged_file,
    read_acknowledged,
)
from asgml.storage.alerts.alert import alerts_of, concluded, rule_of, silent, unborn
from asgml.storage.alerts.rules import DEFAULT_RULES, WAYS, parse_rules
from asgml.storage.format.errors import FormatError
from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.safe_text import safe

HOSTILE = "\x1b]0;owned\x07 [bold]x[/bold] \u202e\nsecond line"


def event(kind: str, step: int = 11, **fields: object) -> Event:
    return Event(kind, step, 1000.0, 5.0, 0, dict(fields))


def test_an_alert_has_the_number_of_its_event_and_the_step_it_speaks_of() -> None:
    events = [
        event("started", 0),
        event("alert", level="error", message="loss is nan at step 4", at_step=4, rule="nan"),
        event("phase"),
        event("alert", level="warning", message="mmpareto does nothing here"),
        event("failed", error="out of memory"),
        event("alert", level="warning", message="so big", rule="big"),
    ]
    nan, note, failed, big = alerts_of(events)
    assert (nan.id, nan.step, nan.noticed, nan.rule) == ("e1", 4, 11, "nan")
    assert nan.notify == WAYS and note.notify == ("toast",)
    assert big.notify == WAYS, "a rule that names no ways goes all of them"
    assert (failed.id, failed.rule, failed.message) == ("e4", "failed", "out of memory")
    assert failed.level == "error"


@pytest.mark.parametrize(
    ("kind", "rule"),
    [("finished", "ended"), ("stopped", "ended"), ("failed", "failed"), ("diverged", "diverged")],
)
def test_every_end_is_told_by_its_rule(kind: str, rule: str) -> None:
    (alert,) = alerts_of([event(kind)])
    assert alert.rule == rule and alert.message == f"the training {kind}"
    rules = parse_rules([{"rule": rule, "level": "info", "notify": ["hook"], "name": "mine"}])
    (alert,) = alerts_of([event(kind)], rules)
    assert (alert.rule, alert.level, alert.notify) == ("mine", "info", ("hook",))


def test_what_readers_conclude_has_an_id_that_stays() -> None:
    rule = rule_of("no_data", DEFAULT_RULES)
    assert concluded("crashed", 7, 2, 1.0, DEFAULT_RULES).id == "crashed.2"
    assert silent(7, 7, 300.2, 1.0, rule).id == silent(7, 7, 900.0, 2.0, rule).id == "no_data.7"
    assert silent(7, 7, 300.2, 1.0, rule).message == "no data for 300 s, the last step is 7"
    assert unborn(1.0, DEFAULT_RULES).rule == "failed"


@pytest.mark.parametrize("field", ["message", "rule", "column", "level", "notify", "at_step"])
@pytest.mark.parametrize("value", [HOSTILE, HOSTILE * 1000, 12, None, [HOSTILE], {"a": 1}, True])
def test_fields_of_any_kind_give_one_line_that_steers_no_terminal(
    field: str, value: object
) -> None:
    (alert,) = alerts_of([event("alert", **{"message": "x", field: value})])
    for text in (alert.message, alert.rule, alert.column):
        assert text == safe(text) and "\n" not in text and len(text) <= 400
    assert set(alert.notify) <= set(WAYS) and alert.step == 11
    json.dumps(alert.record(), allow_nan=False)


def test_what_is_acknowledged_is_seen_by_every_other_reader(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path)
    assert read_acknowledged(paths) == frozenset()
    acknowledge(paths, ["e1", "crashed.0"])
    acknowledge(paths, ["e1"])
    assert read_acknowledged(paths) == {"e1", "crashed.0"}
    assert len(acknowledged_file(paths).read_text().splitlines()) == 2


def test_of_many_who_acknowledge_at_once_none_is_lost(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path)
    threads = [
        threading.Thread(target=lambda n=n: [acknowledge(paths, [f"e{n}.{k}"]) for k in range(20)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_acknowledged(paths) == {f"e{n}.{k}" for n in range(8) for k in range(20)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[1]\n{}\n",
        b'{"id": 3}\n',
        b'{"id": "' + b"x" * 200 + b'"}\n',
        b"[" * 9999,
    ],
)
def test_damaged_lines_count_as_none_and_take_no_later_one_with_them(
    content: bytes, tmp_path: Path
) -> None:
    paths = RunPaths(tmp_path)
    acknowledged_file(paths).write_bytes(content)
    assert read_acknowledged(paths) == frozenset()
    acknowledge(paths, ["e1"])
    assert read_acknowledged(paths) == {"e1"}


def test_nothing_is_read_or_written_through_a_link_or_a_pipe(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    victim = tmp_path / "victim"
    victim.write_text('{"id": "e1"}\n')
    acknowledged_file(RunPaths(run)).symlink_to(victim)
    assert read_acknowledged(RunPaths(run)) == frozenset()
    with pytest.raises(OSError, match="symbolic"):
        acknowledge(RunPaths(run), ["e2"])
    assert victim.read_text() == '{"id": "e1"}\n'
    acknowledged_file(RunPaths(run)).unlink()
    os.mkfifo(acknowledged_file(RunPaths(run)))
    assert read_acknowledged(RunPaths(run)) == frozenset()
    with pytest.raises(FormatError, match="no regular file"):
        acknowledge(RunPaths(run), ["e2"])


def test_a_full_file_is_told(tmp_path: Path) -> None:
    acknowledged_file(RunPaths(tmp_path)).write_bytes(b"x" * MAX_BYTES)
    with pytest.raises(FormatError, match="remove it to begin again"):
        acknowledge(RunPaths(tmp_path), ["e1"])
