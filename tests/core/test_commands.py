"""Commands to a training in this process, through real files: each is answered exactly once."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from core_kit import (
    after_steps,
    assert_same_bits,
    assert_same_rows,
    make_trainer,
    resume_trainer,
    small_config,
    small_data,
    train,
    train_small,
    weights,
)

from asgml.core.run import commands
from asgml.core.run.commands import CommandHandler
from asgml.core.run.replays import replays_after
from asgml.core.training.trainer import Trainer
from asgml.storage.commands.inbox import Inbox, Request, make_request, send
from asgml.storage.format.events import Event
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run

NAMES = ("audio", "visual")
BOOST = {"method": "boost", "boost": {"ema_alpha": 1.0}, "probe": {"eval_freq": 1}, "epochs": 3}
"""From step 2 on the weak modality's scale is 1 + alpha, wherever the probes differ."""


def ready(tmp_path: Path, **changes: Any) -> Trainer:
    return make_trainer(tmp_path / "run", small_data(), small_config(**{**BOOST, **changes}))


def sender(trainer: Trainer, *requests: Request) -> Callable[[], None]:
    """Something that sends these requests when it is called."""

    def send_all() -> None:
        for request in requests:
            send(trainer.run.paths.commands, request)

    return send_all


def answers(run: Run) -> list[Event]:
    return [event for event in run.events if event.kind == "command"]


def answer(run: Run, request: Request) -> Event:
    """The one answer to a request."""
    found = [event for event in answers(run) if event.get("id") == request.id]
    assert len(found) == 1, f"{len(found)} answers to {request.kind}"
    return found[0]


def told(run: Run, request: Request) -> tuple[str, int]:
    event = answer(run, request)
    return event.get("answer"), event.step


def assert_all_done(trainer: Trainer) -> None:
    """Nothing is left in the folder, and no id has two answers."""
    assert list(trainer.run.paths.commands.iterdir()) == []
    twice = [
        id
        for id, count in Counter(e.get("id") for e in answers(Run.open(trainer.run.paths))).items()
        if count > 1
    ]
    assert not twice


# -- set -----------------------------------------------------------------------------


def test_alpha_acts_from_the_step_after_the_acknowledged_one(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    request = make_request("set", knob="alpha", value=1.0, note="see what it does")
    after_steps(trainer, {7: sender(trainer, request)})
    run = train(trainer)
    event = answer(run, request)
    assert (event.step, event.get("answer"), event.get("knob")) == (7, "applied", "boost.alpha")
    assert (event.get("before"), event.get("after"), event.get("note")) == (
        0.5,
        1.0,
        "see what it does",
    )
    assert event.get("issuer") == request.issuer and 0 <= event.get("latency") < 60
    scale = np.maximum(*(run.column("steps", f"boost_scale/{m}") for m in NAMES))
    assert scale.tolist() == [1.0] + [1.5] * 6 + [2.0] * 5
    assert run.knobs_at(7)["boost.alpha"] == 1.0 and run.knobs_at(6)["boost.alpha"] == 0.5
    assert_all_done(trainer)


@pytest.mark.parametrize("at_step", [0, 1, 4, 11])
def test_a_request_waits_for_its_step(at_step: int, tmp_path: Path) -> None:
    """Also where that is the first of an epoch, or the last but one of all."""
    trainer = ready(tmp_path)
    request = make_request("set", knob="lr", value=0.5, at_step=at_step)
    sender(trainer, request)()
    run = train(trainer)
    assert told(run, request) == ("applied", at_step)
    assert run.column("steps", "lr").tolist() == [0.05] * at_step + [0.5] * (12 - at_step)
    assert_all_done(trainer)


def test_every_knob_can_be_set_and_acts(tmp_path: Path) -> None:
    """Each within its range, to the far end; the board has it afterwards."""
    trainer = ready(tmp_path, method="ogm_ge+boost")
    for knob in trainer.run.live_settings.knobs:
        value = (
            knob.choices[-1] if knob.choices else knob.low if knob.low is not None else knob.high
        )
        assert value is not None
        sender(trainer, make_request("set", knob=knob.name, value=value, at_step=11))()
    run = train(trainer)
    refused = [
        (event.get("knob"), event.get("reason"))
        for event in answers(run)
        if event.get("answer") != "applied"
    ]
    assert not refused
    assert len(answers(run)) == len(trainer.run.live_settings.knobs)
    assert run.knobs_at() == trainer.run.live_settings.live()


@pytest.mark.parametrize(
    ("knob", "value", "reason"),
    [
        ("boost.alpha", 1.6, "boost.alpha = 1.6: outside its range 0 … 1.5"),
        ("alpha", -0.1, "boost.alpha = -0.1: outside its range"),
        ("alpha", "much", "boost.alpha = 'much': expected a number"),
        ("alpha", True, "boost.alpha = 'True': expected a number"),
        ("probe.eval_freq", 2.5, "probe.eval_freq = '2.5': expected a whole number"),
        ("probe.eval_freq", 0, "outside its range"),
        ("lr", 0, "outside its range"),
        ("volume", 3, "'volume' is no knob of this run"),
        ("boost.ema_alpha", 0.5, "'boost.ema_alpha' is no knob of this run"),
    ],
)
def test_what_cannot_be_set_is_rejected_with_a_reason(
    knob: str, value: Any, reason: str, tmp_path: Path
) -> None:
    """And changes nothing."""
    trainer = ready(tmp_path, epochs=1, method="boost" if knob != "strength" else "ogm_ge")
    if knob == "strength":
        trainer.run.live_settings.knobs.append(
            trainer.run.live_settings.knobs[1].__class__("mine.strength", "float", 1, "another")
        )
    before = trainer.run.live_settings.live()
    request = make_request("set", knob=knob, value=value)
    sender(trainer, request)()
    run = train(trainer)
    assert told(run, request) == ("rejected", 0)
    assert reason in answer(run, request).get("reason")
    assert "\n" not in answer(run, request).get("reason")
    assert trainer.run.live_settings.live() == before
    assert_all_done(trainer)


def test_a_bare_name_that_means_two_knobs_is_rejected(tmp_path: Path) -> None:
    trainer = ready(tmp_path, method="ogm_ge+mslr", epochs=1)
    request = make_request("set", knob="strength", value=0.5)
    sender(trainer, request)()
    run = train(trainer)
    assert (
        answer(run, request).get("reason")
        == "'strength' is ambiguous; there are ogm_ge.strength, mslr.strength"
    )


@pytest.mark.parametrize(("knob", "value"), [("volume", 1), ("alpha", 9)])
def test_what_can_never_be_set_is_rejected_before_its_step(
    knob: str, value: float, tmp_path: Path
) -> None:
    trainer = ready(tmp_path)
    request = make_request("set", knob=knob, value=value, at_step=11)
    after_steps(trainer, {2: sender(trainer, request)})
    run = train(trainer)
    assert told(run, request) == ("rejected", 2)
    assert_all_done(trainer)


def test_a_condition_on_the_present_value(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    right = make_request("set", knob="alpha", value=0.7, if_value=0.5)
    late = make_request("set", knob="alpha", value=0.9, if_value=0.5)
    words = make_request("set", knob="alpha", value=0.8, if_value="0.7")
    silly = make_request("set", knob="alpha", value=0.9, if_value=99)
    sender(trainer, right, late, words, silly)()
    run = train(trainer)
    assert [told(run, request)[0] for request in (right, late, words, silly)] == [
        "applied",
        "rejected",
        "applied",
        "rejected",
    ]
    assert answer(run, late).get("reason") == "boost.alpha is 0.7, not 0.5"
    assert run.knobs_at()["boost.alpha"] == 0.8


def test_requests_are_taken_in_the_order_they_were_sent(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    requests = [make_request("set", knob="alpha", value=round(0.1 * i, 1)) for i in range(10)]
    after_steps(trainer, {3: sender(trainer, *requests)})
    run = train(trainer)
    assert [event.get("id") for event in answers(run)] == [request.id for request in requests]
    assert [event.get("before") for event in answers(run)] == [0.5] + [
        round(0.1 * i, 1) for i in range(9)
    ]
    assert {event.step for event in answers(run)} == {3}


def test_a_later_request_for_the_same_knob_and_step_takes_the_earlier_ones_place(
    tmp_path: Path,
) -> None:
    trainer = ready(tmp_path)
    earlier, other_step, other_knob, later = (
        make_request("set", knob="boost.alpha", value=0.1, at_step=8),
        make_request("set", knob="boost.alpha", value=0.2, at_step=6),
        make_request("set", knob="lr", value=0.2, at_step=8),
        make_request("set", knob="boost.alpha", value=0.3, at_step=8),
    )
    sender(trainer, earlier, other_step, other_knob, later)()
    run = train(trainer)
    assert told(run, earlier) == ("superseded", 0)
    assert answer(run, earlier).get("reason") == f"replaced by {later.id}"
    assert [told(run, request) for request in (other_step, other_knob, later)] == [
        ("applied", 6),
        ("applied", 8),
        ("applied", 8),
    ]
    assert answer(run, later).get("before") == 0.2
    assert_all_done(trainer)


def test_the_same_knob_by_another_name_is_the_same_knob(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    earlier = make_request("set", knob="boost.alpha", value=0.1, at_step=8)
    later = make_request("set", knob="alpha", value=0.3, at_step=8)
    sender(trainer, earlier, later)()
    run = train(trainer)
    assert (told(run, earlier), told(run, later)) == (("superseded", 0), ("applied", 8))


def test_a_request_for_a_step_that_is_past_is_rejected(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    request = make_request("set", knob="alpha", value=0.1, at_step=3)
    after_steps(trainer, {5: sender(trainer, request)})
    run = train(trainer)
    assert told(run, request) == ("rejected", 5)
    assert answer(run, request).get("reason") == "step 3 is past: the training is at step 5"


@pytest.mark.parametrize("at_step", [None, 6])
def test_a_request_that_comes_too_late_expires(at_step: int | None, tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    stale = make_request("set", knob="alpha", value=0.1, at_step=at_step, expires_in=-1)
    fresh = make_request("set", knob="lr", value=0.1, at_step=at_step, expires_in=1000)
    sender(trainer, stale, fresh)()
    run = train(trainer)
    assert (
        told(run, stale)[0] == "expired" and answer(run, stale).get("reason") == "it came too late"
    )
    assert told(run, fresh) == ("applied", at_step or 0)
    assert run.knobs_at()["boost.alpha"] == 0.5


def test_what_was_not_due_when_the_run_ended_expires(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    waiting = make_request("set", knob="alpha", value=0.1, at_step=1000)
    last = make_request("note", note="came in the last step")
    sender(trainer, waiting)()
    after_steps(trainer, {12: sender(trainer, last)})
    run = train(trainer)
    for request in (waiting, last):
        assert told(run, request) == ("expired", 12)
        assert answer(run, request).get("reason") == "the run ended before it was due"
    assert_all_done(trainer)


# -- the other kinds -----------------------------------------------------------------


def test_a_checkpoint_an_evaluation_and_a_note(tmp_path: Path) -> None:
    """In mid-epoch; the training is the same bit for bit as without them."""
    plain, plain_run = train_small(tmp_path / "plain", **BOOST)
    trainer = ready(tmp_path)
    saved, val, test, neither, note = (
        make_request("checkpoint"),
        make_request("evaluate"),
        make_request("evaluate", value="test"),
        make_request("evaluate", value="train"),
        make_request("note", note="half-time"),
    )
    after_steps(trainer, {5: sender(trainer, saved, val, test, neither, note)})
    run = train(trainer)
    assert [told(run, request) for request in (saved, val, test, note)] == [("applied", 5)] * 4
    assert (
        told(run, neither) == ("rejected", 5)
        and answer(run, neither).get("reason") == "evaluate 'train': expected val or test"
    )
    assert (
        trainer.run.paths.checkpoints / "step-00000005.pt"
    ).exists() or trainer.config.checkpoint.keep < 3
    assert [
        event.get("why") for event in run.events if event.kind == "checkpoint" and event.step == 5
    ] == ["asked for"]
    measured = {
        event.get("split"): event.get("accuracy")
        for event in run.events
        if event.kind == "evaluation" and event.step == 5
    }
    assert measured == {
        "val": answer(run, val).get("accuracy"),
        "test": answer(run, test).get("accuracy"),
    }
    assert answer(run, note).get("note") == "half-time"
    assert_same_bits(weights(trainer), weights(plain))
    assert_same_rows(run, plain_run)


class Clock:
    """Stands in for `time` in asgml.core.run.commands: each poll while paused runs an action."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, actions: list[Callable[[], object]]
    ) -> None:
        self.actions = actions
        monkeypatch.setattr(
            commands, "time", SimpleNamespace(sleep=self.sleep, time=commands.time.time)
        )

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 0.1, "a paused training should look often"
        assert self.actions, "the training is still paused after the last action"
        self.actions.pop(0)()


def test_a_pause_holds_the_steps_and_answers_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, _ = train_small(tmp_path / "plain", **BOOST)
    trainer = ready(tmp_path)
    pause, again, note, alpha, saved, go_on = (
        make_request("pause"),
        make_request("pause"),
        make_request("note", note="while paused"),
        make_request("set", knob="alpha", value=0.5),
        make_request("checkpoint"),
        make_request("resume"),
    )
    seen: list[str] = []

    def look() -> None:
        run = Run.open(trainer.run.paths)
        seen.append(run.state())
        assert told(run, pause) == ("applied", 5), (
            "the answer to a pause is not published while paused"
        )
        seen.append(str(trainer.run.recorder.stopwatch.seconds()))

    steps = [
        look,
        sender(trainer, again, note),
        sender(trainer, alpha, saved),
        lambda: None,
        look,
        sender(trainer, go_on),
    ]
    clock = Clock(monkeypatch, steps)
    after_steps(trainer, {5: sender(trainer, pause)})
    run = train(trainer)
    assert clock.actions == []
    assert [told(run, request) for request in (pause, note, alpha, saved, go_on)] == [
        ("applied", 5)
    ] * 5
    assert (
        told(run, again) == ("rejected", 5)
        and answer(run, again).get("reason") == "the training is paused already"
    )
    assert (seen[0], seen[2]) == ("paused", "paused")
    assert seen[1] == seen[3], "the stopwatch runs on"
    assert run.column("steps", "step").tolist() == list(range(1, 13))
    assert_same_bits(weights(trainer), weights(plain))
    assert_all_done(trainer)


def test_going_on_without_a_pause_is_rejected(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    request = make_request("resume")
    sender(trainer, request)()
    run = train(trainer)
    assert (
        told(run, request) == ("rejected", 0)
        and answer(run, request).get("reason") == "the training is not paused"
    )


@pytest.mark.parametrize(("how", "saved"), [(None, True), ("after_step", True), ("now", False)])
@pytest.mark.parametrize("paused", [False, True])
def test_a_stop_ends_at_the_step_boundary(
    how: str | None, saved: bool, paused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = ready(tmp_path)
    stop = make_request("stop", how=how)
    if paused:
        Clock(monkeypatch, [sender(trainer, stop)])
        after_steps(trainer, {6: sender(trainer, make_request("pause"))})
    else:
        after_steps(trainer, {6: sender(trainer, stop)})
    run = train(trainer)
    assert told(run, stop) == ("applied", 6) and answer(run, stop).get("how") == (
        how or "after_step"
    )
    assert run.state() == "stopped"
    assert run.rows("steps") == 6
    assert (trainer.run.paths.checkpoints / "step-00000006.pt").exists() == saved
    assert [
        event.get("why") for event in run.events if event.kind == "checkpoint" and event.step == 6
    ] == (["stop"] if saved else [])


def test_a_training_that_is_stopping_says_so(tmp_path: Path) -> None:
    trainer, said = ready(tmp_path), []
    say = trainer.run.recorder.set_state
    trainer.run.recorder.set_state = lambda state: (said.append(state), say(state))[1]  # type: ignore[method-assign, func-returns-value]
    after_steps(trainer, {2: sender(trainer, make_request("stop"))})
    train(trainer)
    assert said == [State.RUNNING, State.STOPPING]


def test_a_command_that_fails_is_rejected_and_the_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk must not end a training for a checkpoint command, nor leave it unanswered."""
    trainer = ready(tmp_path)
    request, after = make_request("checkpoint"), make_request("note", note="still here")
    real = trainer.save_checkpoint

    def full(why: str) -> None:
        if why == "asked for":
            raise OSError(28, "No space left on device")
        real(why)

    monkeypatch.setattr(trainer, "save_checkpoint", full)
    after_steps(trainer, {5: sender(trainer, request, after)})
    run = train(trainer)
    assert told(run, request) == ("rejected", 5)
    assert "No space left on device" in answer(run, request).get("reason")
    assert told(run, after) == ("applied", 5)
    assert run.rows("steps") == 12


def test_an_evaluation_that_fails_leaves_the_model_in_training_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the rest would silently train without dropout and batch norm's statistics."""
    trainer = ready(tmp_path)
    request = make_request("evaluate")

    def no_memory(*_: Any) -> Any:
        raise RuntimeError("CUDA out of memory.\nTried to allocate")

    def evaluate_badly() -> None:
        with monkeypatch.context() as shortage:
            shortage.setattr("asgml.core.measures.evaluate.correct", no_memory)
            sender(trainer, request)()
            trainer.run.command_handler.process_pending(trainer)

    after_steps(trainer, {5: evaluate_badly})
    run = train(trainer)
    assert told(run, request) == ("rejected", 5)
    assert (
        answer(run, request).get("reason") == "RuntimeError: CUDA out of memory. Tried to allocate"
    )
    assert trainer.components.model.training
    plain, _ = train_small(tmp_path / "plain", **BOOST)
    assert_same_bits(weights(trainer), weights(plain))


# -- bad files -----------------------------------------------------------------------


def put(folder: Path, name: str, content: bytes) -> None:
    (folder / f".{name}").write_bytes(content)
    (folder / f".{name}").rename(folder / name)


BAD = {
    "empty.json": b"",
    "words.json": b"set alpha to one",
    "list.json": b"[1, 2]",
    "half.json": b'{"id": "a", "kind": "pause"',
    "kind.json": json.dumps({"id": "b", "kind": "explode", "issuer": "x", "created": 1.0}).encode(),
    "newer.json": json.dumps(
        {"id": "g", "kind": "pause", "issuer": "x", "created": 1.0, "gently": True}
    ).encode(),
    "anonymous.json": json.dumps({"kind": "pause", "issuer": "x", "created": 1.0}).encode(),
    "id.json": json.dumps(
        {"id": "../../x", "kind": "pause", "issuer": "x", "created": 1.0}
    ).encode(),
    "nan.json": b'{"id": "c", "kind": "set", "knob": "lr", "value": NaN, '
    b'"issuer": "x", "created": 1.0}',
    "deep.json": b"[" * 5000 + b"]" * 5000,
    "big.json": b'{"id": "d", "kind": "note", "note": "' + b"x" * 70_000 + b'"}',
    "bytes.json": bytes(range(256)),
    "knobless.json": json.dumps({"id": "e", "kind": "set", "issuer": "x", "created": 1.0}).encode(),
    "\x1b[31mred\n.json": b"{}",
    "undecodable\udcff.json": b"{}",
}


def test_bad_files_are_answered_once_and_crash_nothing(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    folder = trainer.run.paths.commands
    target = tmp_path / "secret"
    target.write_text(json.dumps({"id": "f", "kind": "stop", "issuer": "x", "created": 1.0}))

    def place() -> None:
        for name, content in BAD.items():
            put(folder, name, content)
        (folder / "link.json").symlink_to(target)
        (folder / "folder.json").mkdir()
        os.mkfifo(folder / "pipe.json")

    good = make_request("set", knob="alpha", value=0.9)
    after_steps(trainer, {3: place, 5: sender(trainer, good)})
    run = train(trainer)
    assert run.rows("steps") == 12 and run.state() == "finished"
    assert told(run, good)[0] == "applied"
    bad = [event for event in answers(run) if event.get("id") != good.id]
    # what a newer program may ask for has its own id, so that its sender finds the answer
    names = [{"kind.json": "b", "newer.json": "g"}.get(name, name) for name in BAD]
    assert Counter(event.get("id") for event in bad) == Counter(
        [*names, "link.json", "folder.json", "pipe.json"]
    )
    assert {event.get("answer") for event in bad} == {"rejected"}
    assert all(event.get("reason") and "\n" not in event.get("reason") for event in bad)
    assert {path.name for path in folder.iterdir()} <= {"folder.json"}, (
        "only what cannot be removed may stay"
    )
    assert target.exists()
    assert not [event for event in run.events if event.kind == "unreadable"]


def test_a_bad_file_that_comes_last_is_answered(tmp_path: Path) -> None:
    """After the last look into the folder, before the run is closed."""
    trainer = ready(tmp_path)
    after_steps(trainer, {12: lambda: put(trainer.run.paths.commands, "late.json", b"{}")})
    run = train(trainer)
    assert [(event.get("id"), event.get("answer")) for event in answers(run)] == [
        ("late.json", "rejected")
    ]
    assert_all_done(trainer)


def test_an_id_that_was_answered_is_not_done_again(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    request = make_request("set", knob="alpha", value=0.9)
    undo = make_request("set", knob="alpha", value=0.5)
    after_steps(
        trainer,
        {3: sender(trainer, request), 5: sender(trainer, undo), 7: sender(trainer, request)},
    )
    run = train(trainer)
    assert [event.get("id") for event in answers(run)] == [request.id, undo.id]
    assert run.knobs_at()["boost.alpha"] == 0.5
    assert_all_done(trainer)


# -- a resumed run -------------------------------------------------------------------


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it happens."""


def die(trainer: Trainer) -> None:
    """Leave the run as a killed process does: rows stay, the state is running, no lock's owner."""
    writer = trainer.run.recorder.writer
    writer.flush()
    writer._buffer.close()
    writer._closing = True
    writer._wake.set()
    writer._thread.join()
    trainer.run.paths.lock.unlink()


def test_an_answered_request_whose_file_is_still_there_is_not_applied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trainer was killed between the answer and the removal of the file."""
    trainer = ready(tmp_path)
    request = make_request("set", knob="alpha", value=1.0)
    undo = make_request("set", knob="alpha", value=0.25)
    monkeypatch.setattr(Inbox, "done", lambda *_: None)
    after_steps(
        trainer,
        {
            5: sender(trainer, request),
            6: sender(trainer, undo),
            7: lambda: (_ for _ in ()).throw(Killed()),
        },
    )
    with pytest.raises(Killed):
        trainer.train()
    die(trainer)
    monkeypatch.undo()
    assert len(list(trainer.run.paths.commands.iterdir())) == 2
    resumed = resume_trainer(tmp_path / "run", small_data(), trainer.config)
    run = train(resumed)
    assert [event.get("id") for event in answers(run)] == [request.id, undo.id]
    assert resumed.run.live_settings.values["boost.alpha"] == 0.25
    assert_all_done(resumed)


@pytest.mark.parametrize("killed_after", [5, 7, 9])
def test_what_was_turned_after_the_checkpoint_is_turned_again(
    killed_after: int, tmp_path: Path
) -> None:
    """At the same steps, so rows and weights are those of a run that was not killed."""
    requests = {
        4: make_request(
            "set", knob="lr", value=0.01
        ),  # at the very step of the checkpoint, after it
        5: make_request("set", knob="alpha", value=1.5),
        7: make_request("set", knob="alpha", value=0.25),
    }
    plain, crashed = ready(tmp_path / "plain"), ready(tmp_path / "crashed")
    for trainer in (plain, crashed):
        actions: dict[int, Callable[[], object]] = {
            step: sender(trainer, request) for step, request in requests.items()
        }
        if trainer is crashed:
            # before the request of that step is sent, so that it is repeated only where it was done
            actions[killed_after + 1] = lambda: (_ for _ in ()).throw(Killed())
            trainer.keep_checkpoint = first_only(trainer.keep_checkpoint)  # type: ignore[method-assign]
        after_steps(trainer, actions)
    reference = train(plain)
    with pytest.raises(Killed):
        crashed.train()
    die(crashed)
    resumed = resume_trainer(tmp_path / "crashed" / "run", small_data(), crashed.config)
    assert resumed.run.step == 4
    after_steps(
        resumed,
        {
            step: sender(resumed, request)
            for step, request in requests.items()
            if step > killed_after
        },
    )
    run = train(resumed)
    assert_same_bits(weights(resumed), weights(plain))
    assert_same_rows(run, reference)
    assert run.knobs_at() == resumed.run.live_settings.live(), (
        "a reader has other values of the knobs than the trainer"
    )
    for step in (4, 5, 6, 7, 12):
        assert run.knobs_at(step)["boost.alpha"] == reference.knobs_at(step)["boost.alpha"], (
            f"at step {step}"
        )


def first_only(function: Callable[..., None]) -> Callable[..., None]:
    """Call it the first time, and not again."""
    done: list[int] = []

    def once(*given: Any) -> None:
        if not done:
            done.append(1)
            function(*given)

    return once


def test_a_window_that_was_turned_in_mid_epoch_is_resumed_as_it_was(tmp_path: Path) -> None:
    """Turned in epoch 1 to end with epoch 0, it stays open until epoch 1 is over, killed or not."""
    trainers = [ready(tmp_path / name, method="ogm_ge", ogm_ge={}) for name in ("plain", "crashed")]
    for trainer in trainers:
        sender(
            trainer,
            make_request("set", knob="ogm_ge.last_epoch", value=0, at_step=5),
            make_request("checkpoint", at_step=6),
        )()
    plain, crashed = trainers
    after_steps(crashed, {7: lambda: (_ for _ in ()).throw(Killed())})
    reference = train(plain)
    with pytest.raises(Killed):
        crashed.train()
    die(crashed)
    resumed = resume_trainer(tmp_path / "crashed" / "run", small_data(), crashed.config)
    assert resumed.run.step == 6
    run = train(resumed)
    assert (
        run.column("steps", "noise/audio")[run.current_rows("steps")].tolist()
        == [1.0] * 8 + [0.0] * 4
    )
    assert_same_bits(weights(resumed), weights(plain))
    assert_same_rows(run, reference)


def test_a_request_that_waits_survives_a_crash(tmp_path: Path) -> None:
    trainer = ready(tmp_path)
    request = make_request("set", knob="alpha", value=1.0, at_step=9)
    sender(trainer, request)()
    after_steps(trainer, {6: lambda: (_ for _ in ()).throw(Killed())})
    with pytest.raises(Killed):
        trainer.train()
    die(trainer)
    resumed = resume_trainer(tmp_path / "run", small_data(), trainer.config)
    run = train(resumed)
    assert told(run, request) == ("applied", 9)


def test_only_changes_that_were_made_are_made_again() -> None:
    def event(step: int, answer: str, command: str = "set") -> Event:
        return Event(
            "command",
            step,
            0.0,
            0.0,
            0,
            {"command": command, "answer": answer, "knob": "lr", "after": step / 10},
        )

    events = [
        event(3, "applied"),
        event(4, "applied"),
        event(6, "rejected"),
        event(7, "applied", "note"),
        event(8, "applied"),
    ]
    assert [(replay.step, replay.value) for replay in replays_after(4, events)] == [
        (4, 0.4),
        (8, 0.8),
    ]


# -- a store that cannot be written --------------------------------------------------


def test_a_request_stays_until_its_answer_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = ready(tmp_path)
    request = make_request("set", knob="alpha", value=0.9)
    command_handler: CommandHandler = trainer.run.command_handler
    sender(trainer, request)()
    with monkeypatch.context() as outage:
        outage.setattr(trainer.run.recorder.writer, "flush", lambda: False)
        command_handler.process_pending(trainer)
        assert len(list(trainer.run.paths.commands.iterdir())) == 1, (
            "removed although its answer is not published"
        )
        command_handler.process_pending(trainer)
    run = train(trainer)
    assert told(run, request) == ("applied", 0)
    assert torch.isfinite(torch.tensor(run.column("steps", "loss"))).all()
