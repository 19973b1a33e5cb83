"""Changes for a time, undo, and going back with the weights: what they leave is what was before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w
from core_kit import (
    after_steps,
    assert_same_rows,
    make_trainer,
    resume_trainer,
    save_npz,
    small_config,
    small_data,
    train,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.core import worker
from asgml.core.balancer.run import LoopCommands
from asgml.core.config.live_settings import LiveSettings
from asgml.core.run.command_checks import RefusedError
from asgml.core.run.knob_changer import KnobChanger
from asgml.core.run.replays import read_scheduled
from asgml.core.training.trainer import Trainer
from asgml.storage.commands.inbox import Request, make_request, send
from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Knob
from asgml.storage.format.layout import RunPaths
from asgml.storage.read.interventions import schedule_of
from asgml.storage.read.knob_changes import KnobChange, KnobChanges, changes_before
from asgml.storage.read.reader import Run

SECTIONS: dict[str, Any] = {
    "method": "ogm_ge+boost",
    "epochs": 5,
    "ogm_ge": {"last_epoch": 3},
    "checkpoint": {"every": 1, "keep": 9},
}
"""20 steps, 4 an epoch, a checkpoint every 4; OGM-GE adds noise, the boost reads the probes."""


class Killed(Exception):
    """The death of a trainer."""


def ready(root: Path, *requests: Request, **changes: Any) -> Trainer:
    trainer = make_trainer(root, small_data(), small_config(**{**SECTIONS, **changes}))
    for request in requests:
        send(trainer.run.paths.commands, request)
    return trainer


def killed_at(trainer: Trainer, step: int) -> None:
    """Train to a step, and leave the run as a trainer that was killed there leaves it."""

    def die() -> None:
        raise Killed

    after_steps(trainer, {step: die})
    with pytest.raises(Killed):
        trainer.train()
    writer = trainer.run.recorder.writer
    writer.flush()
    writer._buffer.close()
    writer._closing = True
    writer._wake.set()
    writer._thread.join()
    trainer.run.paths.lock.unlink()


def lr_for(at: int, steps: int, value: float = 0.5) -> Request:
    return make_request("set", knob="lr", value=value, at_step=at, for_steps=steps)


def rates(run: Run) -> list[float]:
    values = run.column("steps", "lr")[run.current_rows("steps")]
    return [float(value) for value in values]


# -- a change for a time -------------------------------------------------------------


@pytest.mark.parametrize(("at", "steps"), [(0, 1), (3, 5), (4, 4), (7, 1), (12, 900)])
def test_a_change_for_a_time_lasts_exactly_so_long(at: int, steps: int, tmp_path: Path) -> None:
    """Whenever the store is flushed: the steps are counted, not the time."""
    run = train(ready(tmp_path / "run", lr_for(at, steps)))
    new = min(steps, 20 - at)
    assert rates(run) == [0.05] * at + [0.5] * new + [0.05] * (20 - at - new)
    ended = [event for event in run.events if event.get("expired")]
    assert [event.step for event in ended] == ([at + steps] if at + steps < 20 else [])
    assert run.knobs_at(at)["lr"] == 0.5 and run.knobs_at(at + steps)["lr"] == (
        0.05 if at + steps < 20 else 0.5
    )


def test_a_later_change_of_the_knob_ends_the_one_for_a_time(tmp_path: Path) -> None:
    requests = [
        lr_for(2, 10),
        make_request("set", knob="alpha", value=0.25, at_step=3),
        make_request("set", knob="lr", value=0.3, at_step=5),
    ]
    run = train(ready(tmp_path / "run", *requests))
    assert rates(run) == [0.05] * 2 + [0.5] * 3 + [0.3] * 15


def test_one_for_a_time_over_another_leads_back_to_the_lasting_value(tmp_path: Path) -> None:
    run = train(ready(tmp_path / "run", lr_for(2, 10), lr_for(4, 3, 0.2)))
    assert rates(run) == [0.05] * 2 + [0.5] * 2 + [0.2] * 3 + [0.05] * 13


@pytest.mark.parametrize("killed", [6, 7, 9, 11])
def test_a_resume_inside_the_time_ends_it_at_the_same_step(killed: int, tmp_path: Path) -> None:
    """Bit for bit: killed before, at and after the checkpoint of step 8, and twice."""
    requests = (lr_for(5, 8), make_request("set", knob="alpha", value=0.75, at_step=6))
    theirs = train(ready(tmp_path / "undisturbed", *requests))
    trainer = ready(tmp_path / "killed", *requests)
    killed_at(trainer, killed)
    config = trainer.config
    again = resume_trainer(tmp_path / "killed", small_data(), config)
    killed_at(again, 12)
    last = resume_trainer(tmp_path / "killed", small_data(), config)
    run = train(last)
    assert_same_rows(run, theirs)
    assert rates(run) == [0.05] * 5 + [0.5] * 8 + [0.05] * 7
    assert schedule_of(run).interventions == schedule_of(theirs).interventions


def test_a_schedule_reproduces_changes_for_a_time_and_undone_ones(tmp_path: Path) -> None:
    requests = [
        lr_for(2, 4),
        make_request("set", knob="alpha", value=0.75, at_step=3),
        make_request("undo", at_step=4),
        lr_for(11, 4, 0.2),
    ]
    theirs = train(ready(tmp_path / "steered", *requests))
    ours = ready(tmp_path / "again")
    ours.run.paths.schedule.write_text(tomli_w.dumps(schedule_of(theirs).to_tree()))
    ours.run.scheduled = read_scheduled(ours.run.paths, ours.run.live_settings.knobs)
    assert_same_rows(train(ours), theirs)


def test_a_schedule_of_a_living_run_has_the_end_that_is_to_come(tmp_path: Path) -> None:
    trainer = ready(tmp_path / "run", lr_for(2, 10))
    killed_at(trainer, 6)
    made = schedule_of(Run.open(trainer.run.paths)).interventions
    assert [(each.step, each.value) for each in made] == [(2, 0.5), (12, 0.05)]


# -- undo ----------------------------------------------------------------------------

KNOBS = (
    Knob("boost.alpha", "float", 0.5, "", 0, 10),
    Knob("lr", "float", 0.05, "", 0, 10),
)


class Told:
    """A recorder that keeps what the changer tells, and what a handler would answer."""

    def __init__(self) -> None:
        self.step = 0
        self.events: list[Event] = []

    def event(self, kind: str, **fields: Any) -> None:
        self.events.append(Event(kind, self.step, 0.0, 0.0, 0, fields))


def changer() -> tuple[KnobChanger, Told]:
    told = Told()
    recorder: Any = told
    return KnobChanger(LiveSettings(KNOBS, {}), recorder), told


def state_of(one: KnobChanger) -> Any:
    """The values, and what will be done to them at which step."""
    ends = {name: (each.until, each.back) for name, each in one.changes.expiring.items()}
    return dict(one.live_settings.values), ends


def carry_out(one: KnobChanger, told: Told, request: Request) -> None:
    """Do what is asked, and record the answer as the handler does."""
    fields = one.undo(request) if request.kind == "undo" else one.set(request)
    common = {"id": request.id, "command": request.kind, "answer": "applied"}
    told.event("command", **{**common, **fields})


SETS = st.tuples(
    st.sampled_from(["boost.alpha", "lr"]),
    st.integers(1, 9).map(lambda number: number / 10),
    st.none() | st.integers(1, 4),
    st.integers(0, 2),
)


def advance(one: KnobChanger, told: Told, steps: int) -> None:
    for _ in range(steps):
        told.step += 1
        one.make_due()


def set_request(knob: str, value: float, lasts: int | None) -> Request:
    return make_request("set", knob=knob, value=value, for_steps=lasts)


@settings(max_examples=150, deadline=None)
@given(before=st.lists(SETS, max_size=5), after=st.lists(SETS, min_size=1, max_size=4))
def test_undo_is_the_inverse_of_set(before: Any, after: Any) -> None:
    """Values and coming ends: as many undos as changes lead back, one by one."""
    one, told = changer()
    for knob, value, lasts, steps in before:
        carry_out(one, told, set_request(knob, value, lasts))
        advance(one, told, steps)
    states = []
    for knob, value, lasts, _ in after:
        states.append(state_of(one))
        carry_out(one, told, set_request(knob, value, lasts))
    for state in reversed(states):
        carry_out(one, told, make_request("undo"))
        assert state_of(one) == state


@settings(max_examples=150, deadline=None)
@given(course=st.lists(SETS | st.just(None), max_size=8))
def test_the_events_tell_what_the_trainer_knows(course: list[Any]) -> None:
    """A resumed trainer would undo and end the same changes."""
    one, told = changer()
    for item in course:
        if item is None:
            if one.changes.last(told.step) is not None:
                carry_out(one, told, make_request("undo"))
        else:
            knob, value, lasts, steps = item
            carry_out(one, told, set_request(knob, value, lasts))
            advance(one, told, steps)
    read = changes_before(told.step + 1, told.events)
    assert read.expiring == one.changes.expiring
    assert read.last(told.step) == one.changes.last(told.step)


def test_an_undo_of_another_change_than_the_last_is_refused() -> None:
    one, told = changer()
    first, second = set_request("lr", 0.2, None), set_request("lr", 0.3, None)
    carry_out(one, told, first)
    carry_out(one, told, second)
    with pytest.raises(RefusedError, match=r"lr = 0\.3 by now"):
        one.undo(make_request("undo", undoes=first.id))
    carry_out(one, told, make_request("undo", undoes=second.id))
    assert one.live_settings.values["lr"] == 0.2
    carry_out(one, told, make_request("undo"))
    with pytest.raises(RefusedError, match="nothing to undo"):
        one.undo(make_request("undo"))


def test_a_change_that_a_resume_makes_again_still_covers_the_one_before_it() -> None:
    """Told twice, by its command and by the resumed run, it is undone to the same place."""
    for_a_time = KnobChange("a", 1, "lr", 0.05, 0.5, until=9, back=0.05)
    lasting = KnobChange("b", 2, "lr", 0.5, 0.3)
    once, twice = KnobChanges(), KnobChanges()
    for change in (for_a_time, lasting):
        once.add(change)
    for change in (for_a_time, lasting, lasting):
        twice.add(change)
    undone = [one.undo("u", lasting, 4, 0.3) for one in (once, twice)]
    assert undone[0] == undone[1]
    assert (undone[1].after, undone[1].until, undone[1].back) == (0.5, 9, 0.05)


def test_undo_skips_what_is_over_by_itself() -> None:
    one, told = changer()
    carry_out(one, told, set_request("boost.alpha", 0.9, None))
    carry_out(one, told, set_request("lr", 0.2, 3))
    advance(one, told, 3)
    carry_out(one, told, make_request("undo"))
    assert one.live_settings.values == {"boost.alpha": 0.5, "lr": 0.05}


# -- with the weights ----------------------------------------------------------------


def prepared(root: Path, data: Path, *requests: Request) -> RunPaths:
    """A run directory as the launcher leaves it."""
    paths = RunPaths(root)
    paths.commands.mkdir(parents=True)
    config = small_config(**SECTIONS, data={"name": str(data)})
    paths.config.write_text(tomli_w.dumps(config.model_dump()))
    for request in requests:
        send(paths.commands, request)
    return paths


@pytest.fixture
def worker_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker in this process: signals are the test runner's."""
    monkeypatch.setattr(worker, "stop_on_signals", lambda handler_of: None)
    monkeypatch.setattr(worker, "ignore_signals", lambda: None)


@pytest.mark.usefixtures("worker_here")
@pytest.mark.parametrize("set_at", [8, 10])
def test_going_back_makes_the_run_that_was_never_changed(set_at: int, tmp_path: Path) -> None:
    """The change before it, after the same checkpoint, is made again; the undone one is not."""
    data = save_npz(small_data(), tmp_path / "small.npz")
    kept = make_request("set", knob="alpha", value=0.75, at_step=set_at)
    plain = prepared(tmp_path / "plain", data, kept)
    undone = make_request("set", knob="lr", value=0.5, at_step=set_at)
    back = make_request("undo", at_step=15, weights=True)
    later = make_request("set", knob="lr", value=0.02, at_step=17)
    paths = prepared(tmp_path / "run", data, kept, undone, back)
    send(paths.commands, later)
    send(plain.commands, later)
    assert worker.main([str(plain.root)]) == 0
    assert worker.main([str(paths.root)]) == 0
    run, theirs = Run.open(paths), Run.open(plain)
    assert run.state() == "finished" and run.head is not None and run.head.segment == 1
    assert_same_rows(run, theirs)
    answer = run.answer_to(back.id)
    assert answer is not None and answer.get("answer") == "applied"
    assert (answer.step, answer.get("to_step"), answer.get("undo")) == (15, 8, undone.id)
    assert [path.name for path in paths.checkpoints.glob("undone-*.pt")] == ["undone-0-00000012.pt"]
    assert schedule_of(run).interventions == schedule_of(theirs).interventions
    assert list(paths.commands.iterdir()) == []


@pytest.mark.usefixtures("worker_here")
def test_a_crash_after_going_back_does_not_bring_the_change_again(tmp_path: Path) -> None:
    data = save_npz(small_data(), tmp_path / "small.npz")
    requests = (
        make_request("set", knob="lr", value=0.5, at_step=9),
        make_request("undo", at_step=11, weights=True),
        make_request("stop", how="now", at_step=11),
    )
    paths = prepared(tmp_path / "run", data, *requests)
    assert worker.main([str(paths.root)]) == 0
    assert Run.open(paths).state() == "stopped"
    assert worker.main([str(paths.root), "--resume"]) == 0
    assert rates(Run.open(paths)) == [0.05] * 20


def test_the_checkpoint_before_the_last_change_is_kept(tmp_path: Path) -> None:
    """As long as that change can be undone, however few are kept beside it."""
    requests = (
        make_request("set", knob="lr", value=0.5, at_step=9),
        make_request("undo", at_step=17),
    )
    trainer = ready(tmp_path / "run", *requests, checkpoint={"every": 1, "keep": 1})
    folder = trainer.run.paths.checkpoints
    seen: list[list[int]] = []

    def look() -> None:
        seen.append(sorted(int(path.stem[5:]) for path in folder.glob("step-*.pt")))

    after_steps(trainer, {9: look, 14: look, 19: look})
    train(trainer)
    look()
    assert seen == [[8], [8, 12], [8, 16], [20]]


def test_without_a_checkpoint_before_it_there_is_no_way_back(tmp_path: Path) -> None:
    back = make_request("undo", at_step=3, weights=True)
    trainer = ready(tmp_path / "run", make_request("set", knob="lr", value=0.5, at_step=2), back)
    run = train(trainer)
    answer = run.answer_to(back.id)
    assert answer is not None and answer.get("answer") == "rejected"
    assert "no checkpoint from before lr was set at step 2" in answer.get("reason")
    assert rates(run) == [0.05] * 2 + [0.5] * 18


def test_a_loop_of_the_users_own_keeps_its_weights() -> None:
    run: Any = None
    change = KnobChange("a", 3, "lr", 0.1, 0.2)
    with pytest.raises(RefusedError, match="undo without --checkpoint sets the knob back alone"):
        LoopCommands(run, None).go_back(change)


def test_a_broken_checkpoint_refuses_the_way_back(tmp_path: Path) -> None:
    back = make_request("undo", at_step=11, weights=True)
    trainer = ready(tmp_path / "run", make_request("set", knob="lr", value=0.5, at_step=9), back)
    broken = trainer.run.paths.checkpoints / "step-00000008.pt"
    after_steps(trainer, {10: lambda: broken.write_bytes(b"no checkpoint")})
    run = train(trainer)
    answer = run.answer_to(back.id)
    assert answer is not None and "cannot be read" in answer.get("reason")
    assert run.rows("steps") == 20 and not list(broken.parent.glob("undone-*"))
