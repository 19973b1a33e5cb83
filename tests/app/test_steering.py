"""ctl: one request, one answer, and an exit code that says how it went."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from asgml.app.errors import NOT_FOUND, REJECTED, USAGE
from asgml.storage.commands.inbox import Inbox, Request
from asgml.storage.format.layout import RunPaths
from asgml.storage.read.reader import Run

Asgml = Callable[..., "Said"]


@pytest.fixture
def living(asgml: Asgml, runs: Path) -> RunPaths:
    """A run that trains until the test is over."""
    assert asgml("train", "--epochs", 900, "--name", "a", "--detach").code == 0
    return RunPaths(runs / "a")


def test_set_says_when_it_took_effect_and_what_changed(asgml: Asgml, living: RunPaths) -> None:
    said = asgml("ctl", "a", "set", "alpha=0.25")
    assert said.code == 0
    assert said.out.startswith("applied at step ") and said.out.endswith(
        ": boost.alpha 0.5 → 0.25\n"
    )
    assert asgml("show", "a", "--json").json["knobs"]["boost.alpha"] == 0.25


def test_the_answer_as_json_has_the_id_of_the_request(asgml: Asgml, living: RunPaths) -> None:
    answer = asgml("ctl", "a", "note", "two", "words", "--json").json
    event = Run.open(living).answer_to(answer["id"])
    assert event is not None and event.step == answer["step"]


def test_pause_holds_the_step_and_resume_goes_on(asgml: Asgml, living: RunPaths) -> None:
    assert asgml("ctl", "a", "pause").code == 0
    first = asgml("show", "a", "--json").json
    assert first["state"] == "paused"
    assert asgml("ctl", "a", "set", "boost.alpha=1").code == 0  # a paused trainer answers too
    assert asgml("show", "a", "--json").json["step"] == first["step"]
    assert asgml("ctl", "a", "resume").code == 0
    assert asgml("show", "a", "--json").json["state"] == "running"


def test_what_cannot_be_is_rejected_here_with_the_reason(asgml: Asgml, living: RunPaths) -> None:
    for words, reason in (
        (("alpha=9",), "outside its range 0 … 1.5"),
        (("alpha=much",), "expected a number"),
        (("alpha=nan",), "expected a number"),
        (("beta=1",), "boost.alpha"),
        (("alpha=1", "--if-value", "x"), "expected a number"),
        (("alpha=1", "--for", "0"), "500 steps, or 2 epochs"),
        (("alpha=1", "--for", "2 weeks"), "500 steps, or 2 epochs"),
        (("alpha=1", "--reason", "x" * 4001), "up to 4000 characters"),
    ):
        said = asgml("ctl", "a", "set", *words)
        assert said.code == REJECTED and reason in said.err and said.err.count("\n") == 1
    assert not [event for event in Run.open(living).events if event.kind == "command"]


def test_what_the_trainer_refuses_is_rejected_too(asgml: Asgml, living: RunPaths) -> None:
    said = asgml("ctl", "a", "set", "alpha=1", "--if-value", "0.75")
    assert (
        said.code == REJECTED
        and said.out.startswith("rejected at step ")
        and "it is 0.5" in said.out
    )


def test_wrong_usage_is_exit_2_and_sends_nothing(asgml: Asgml, living: RunPaths) -> None:
    for words in (
        ("set",),
        ("set", "alpha"),
        ("set", "alpha=1", "boost.alpha=2"),
        ("note",),
        ("note", " "),
        ("pause", "now"),
        ("pause", "--now"),
        ("pause", "--if-value", "1"),
        ("explode",),
        ("pause", "--at-step", "-1"),
        ("pause", "--for", "5"),
        ("pause", "--checkpoint"),
        ("set", "alpha=1", "steps", "--for", "5", "steps"),
        ("undo", "alpha"),
        ("note", "words", "--reason", "more"),
    ):
        said = asgml("ctl", "a", *words)
        assert said.code == USAGE and said.err.count("\n") == 1, words
    assert not [event for event in Run.open(living).events if event.kind == "command"]


def test_a_dead_trainer_is_exit_3_and_points_to_resume(asgml: Asgml, living: RunPaths) -> None:
    asgml("ctl", "a", "stop", "--now")
    run = Run.open(living)
    while run.state() != "stopped":
        time.sleep(0.05)
        run.refresh()
    said = asgml("ctl", "a", "pause")
    assert said.code == NOT_FOUND and "asgml resume a" in said.err
    assert not list(living.commands.iterdir())


def test_no_answer_in_time_is_exit_3_and_the_request_stays(
    asgml: Asgml, living: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgml.app.commands.ctl.send", lambda commands, request: None)
    said = asgml("ctl", "a", "pause", "--timeout", "0.2")
    assert said.code == NOT_FOUND and "no answer within 0.2 s" in said.err


def test_what_is_sent_is_what_was_asked(
    asgml: Asgml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tiny

    from asgml.app.commands.ctl import request_of
    from asgml.app.control_arguments import Action, ControlArguments
    from asgml.storage.commands.inbox import send

    run = Run.open(tiny.write_tiny_run(tmp_path / "tiny-01"))
    for arguments in (
        ControlArguments(Action.SET, ("alpha=1",), at_step=7, if_value="0.25"),
        ControlArguments(Action.STOP, now=True),
        ControlArguments(Action.STOP),
        ControlArguments(Action.NOTE, ("a", "b")),
    ):
        send(run.paths.commands, request_of(run, arguments, 0))
    first, second, third, fourth = Inbox(run.paths.commands).poll()
    assert isinstance(first, Request) and (
        first.knob,
        first.value,
        first.if_value,
        first.at_step,
    ) == ("boost.alpha", 1.0, 0.25, 7)
    assert isinstance(second, Request) and (second.kind, second.how) == ("stop", "now")
    assert isinstance(third, Request) and (third.kind, third.how) == ("stop", "after_step")
    assert isinstance(fourth, Request) and (fourth.kind, fourth.note) == ("note", "a b")


def test_span_reason_and_weights_are_sent(tmp_path: Path) -> None:
    import tiny

    from asgml.app.commands.ctl import request_of
    from asgml.app.commands.ctl_usage import check_usage
    from asgml.app.control_arguments import Action, ControlArguments

    run = Run.open(tiny.write_tiny_run(tmp_path / "tiny-01"))
    assert run.manifest is not None
    per_epoch = run.manifest.steps_per_epoch
    spans = (
        (["alpha=1", "steps"], "7", 7),
        (["alpha=1"], "2 epochs", 2 * per_epoch),
        (["alpha=1", "epochs"], "2", 2 * per_epoch),
        (["alpha=1"], "30", 30),
    )
    for values, span, steps in spans:
        asked = ControlArguments(Action.SET, values, for_=span, reason="see")
        request = request_of(run, check_usage(asked), 0)
        assert (request.for_steps, request.note, request.value) == (steps, "see", 1.0)
    undo = request_of(run, ControlArguments(Action.UNDO, checkpoint=True, reason="worse"), 0)
    assert (undo.kind, undo.weights, undo.note) == ("undo", True, "worse")
    assert request_of(run, ControlArguments(Action.UNDO), 0).weights is None


def test_not_waiting_returns_at_once(asgml: Asgml, living: RunPaths) -> None:
    said = asgml("ctl", "a", "note", "hello", "--no-wait")
    assert said.code == 0 and not said.out and said.err.startswith("sent ")
