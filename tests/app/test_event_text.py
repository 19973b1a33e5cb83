"""The wording of an event: the same for commands and for the dashboard."""

from __future__ import annotations

from typing import Any

import pytest

from asgml.storage.format.events import Event, event_from_line
from asgml.storage.read.event_text import event_text, event_texts, reply_text
from asgml.tui.scene.log_lines import log_lines

CLASSES = {"split": "test", "accuracy": 0.75, "loss": 1.25, "own_accuracy": {"audio": 0.5}}
SCORES = {"mae": 0.5, "corr": 0.25, "f1": 0.75, "accuracy_7": 0.5}


def command(name: str, wall_time: float = 0.0, answer: str = "applied", **fields: object) -> Event:
    return Event("command", 7, wall_time, 0.0, 0, {"command": name, "answer": answer, **fields})


@pytest.mark.parametrize(("fields", "scores"), [(CLASSES, 0), ({**CLASSES, **SCORES}, 4)])
def test_an_evaluation_shows_the_scores_that_it_has(fields: dict[str, Any], scores: int) -> None:
    shown = event_text(Event("evaluation", 7, 0.0, 0.0, 0, fields))
    texts = ["accuracy 0.750", "loss 1.25", "mae 0.500", "corr 0.250", "f1 0.750"]
    assert shown.tag == "EVAL"
    assert shown.text == "  ".join(["test", *[*texts, "accuracy 7 0.500"][: 2 + scores]])


def test_a_score_that_is_no_finite_number_does_not_read_as_one_that_was_not_measured() -> None:
    event = Event("evaluation", 7, 0.0, 0.0, 0, {**CLASSES, "loss": float("nan")})
    assert (
        event_text(event_from_line(event.to_line())).text == "test  accuracy 0.750  loss not finite"
    )
    assert event_text(event).text == "test  accuracy 0.750  loss NaN"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            command("set", knob="lr", before=0.1, after=0.05, issuer="me@here", latency=0.04),
            "CMD   set lr 0.1 → 0.05  by me@here  ack 0.0 s",
        ),
        (
            command("set", answer="rejected", knob="lr", reason="too high", issuer="me@here"),
            "CMD   set lr rejected: too high  by me@here",
        ),
        (
            command("set", knob="lr", before=0.1, after=0.05, until=90, back=0.1, note="why"),
            "CMD   set lr 0.1 → 0.05 until step 90  “why”",
        ),
        (
            command("set", knob="lr", before=0.05, after=0.1, undo="x", until="90"),
            "CMD   undo: set lr 0.05 → 0.1",
        ),
        (
            command("undo", knob="lr", after=0.1, undo="x", to_step=40),
            "CMD   undo: back to the checkpoint of step 40, lr 0.1",
        ),
        (
            command("undo", answer="rejected", reason="there is nothing"),
            "CMD   undo rejected: there is nothing",
        ),
        (command("stop", how="now", latency=65), "CMD   stop now  after 0:01:05"),
        (command("note", note="a\x1b[31mb"), "CMD   note “a␛[31mb”"),
        (
            Event("started", 0, 0.0, 0.0, 0, {"pid": "\x1b[2J", "host": "\u202eevil"}),
            "RUN   started  pid ␛[2J  host �evil",
        ),
        (
            Event("checkpoint", 9, 0, 0, 0, {"path": "checkpoints/last.pt", "bytes": 2048}),
            "CKPT  checkpoints/last.pt  2 kB",
        ),
        (Event("alert", 9, 0, 0, 0, {"message": "loss is NaN"}), "WARN  loss is NaN"),
        (Event("failed", 9, 0, 0, 0, {"error": "ValueError: x"}), "FAIL  ValueError: x"),
        (Event("\x07unknown", 9, 0, 0, 0, {}), "RUN   ␇unknown"),
        (Event("evaluation", 9, 0, 0, 0, {"accuracy": 10**400}), "EVAL  accuracy –"),
        (Event("alert", 9, 0, 0, 0, {"message": ["no text"], "level": ["x"]}), "WARN  "),
    ],
)
def test_each_kind_has_its_wording(event: Event, line: str) -> None:
    assert event_text(event).line == line
    (logged,) = log_lines([event])
    assert f"{logged.tag:<5} {logged.text}" == line


def test_a_resume_tells_how_long_the_pause_was() -> None:
    events = [command("pause", 100.0), command("resume", 230.0), command("resume", 240.0)]
    assert [shown.text for shown in event_texts(events)] == [
        "pause",
        "resume  held 0:02:10",
        "resume",
    ]


def test_a_reply_names_its_step_and_the_change_or_the_reason() -> None:
    change = command("set", knob="boost.alpha", before=0.5, after=0.25)
    refused = command("set", answer="rejected", knob="lr", reason="too high")
    assert reply_text(change) == "applied at step 7: boost.alpha 0.5 → 0.25"
    assert reply_text(refused) == "rejected at step 7: set lr: too high"
    assert reply_text(command("pause")) == "applied at step 7: pause"
