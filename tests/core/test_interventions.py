"""A schedule: another run's interventions at the same steps give the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w
from core_kit import (
    assert_same_bits,
    assert_same_rows,
    make_trainer,
    resume_trainer,
    save_npz,
    small_config,
    small_data,
    train,
    weights,
)

from asgml.core.run.replays import read_scheduled
from asgml.core.training.trainer import Trainer
from asgml.core.worker import main, prepare_trainer
from asgml.storage.commands.inbox import make_request, send
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.schedule import Intervention, Schedule
from asgml.storage.format.start_phase import without_phases
from asgml.storage.read.interventions import schedule_of
from asgml.storage.read.reader import Run

SECTIONS: dict[str, Any] = {
    "method": "ogm_ge+boost",
    "epochs": 5,
    "ogm_ge": {"last_epoch": 3},
    "checkpoint": {"every": 1},
}
"""20 steps, 4 an epoch; OGM-GE adds noise, the boost reads the probes."""
MADE = (
    (0, "alpha", 0.25),
    (6, "ogm_ge.alpha", 1.5),
    (6, "boost.alpha", 1.25),
    (8, "lr", 0.02),  # where an epoch begins
    (13, "probe.eval_freq", 2),
    (13, "boost.alpha", 0.25),
)


def scheduled(root: Path, schedule: Schedule | None, *requests: Any, **changes: Any) -> Trainer:
    """A trainer of a new run that follows a schedule, as the worker makes it."""
    trainer = make_trainer(root, small_data(), small_config(**{**SECTIONS, **changes}))
    for request in requests:
        send(trainer.run.paths.commands, request)
    if schedule is not None:
        trainer.run.paths.schedule.write_text(tomli_w.dumps(schedule.to_tree()))
    trainer.run.scheduled = read_scheduled(trainer.run.paths, trainer.run.live_settings.knobs)
    return trainer


@pytest.fixture(scope="module")
def steered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trainer, Run]:
    """A run that its user steers, by commands that wait for their steps."""
    requests = [make_request("set", knob=k, value=v, at_step=step) for step, k, v in MADE]
    trainer = scheduled(tmp_path_factory.mktemp("a") / "steered", None, *requests)
    return trainer, train(trainer)


def test_a_schedule_makes_the_same_run(steered: tuple[Trainer, Run], tmp_path: Path) -> None:
    """Rows and weights bit for bit, and every change names the schedule that made it."""
    theirs, run = steered
    schedule = schedule_of(run)
    assert [(each.step, each.value) for each in schedule.interventions] == [
        (0, 0.25),
        (6, 1.5),
        (6, 1.25),
        (8, 0.02),
        (13, 2),
        (13, 0.25),
    ]
    ours = scheduled(tmp_path / "again", schedule)
    again = train(ours)
    assert_same_rows(again, run)
    assert_same_bits(weights(ours), weights(theirs))
    made = [event for event in again.events if event.get("schedule")]
    assert [(each.step, each.get("knob"), each.get("after")) for each in made] == [
        (each.step, each.knob, each.value) for each in schedule.interventions
    ]
    assert {each.get("schedule") for each in made} == {"steered"}
    assert "boost.alpha 0.5 → 0.25 by the schedule of steered" in made[0].get("message")
    assert again.knobs_at() == run.knobs_at() and again.knobs_at(7) == run.knobs_at(7)
    assert schedule_of(again).interventions == schedule.interventions


def test_without_the_schedule_it_is_another_run(
    steered: tuple[Trainer, Run], tmp_path: Path
) -> None:
    ours = scheduled(tmp_path / "plain", None)
    train(ours)
    with pytest.raises(AssertionError, match="tensors differ"):
        assert_same_bits(weights(ours), weights(steered[0]))


@pytest.mark.parametrize("stopped_at", [5, 6, 8])
def test_it_survives_a_resume(
    steered: tuple[Trainer, Run], tmp_path: Path, stopped_at: int
) -> None:
    """Stopped before, at and after changes: those ahead are made, those behind are not again."""
    _, run = steered
    data = save_npz(small_data(), tmp_path / "small.npz")
    stopped = prepared(tmp_path / "resumed", data, schedule_of(run))
    send(stopped.run.paths.commands, make_request("stop", at_step=stopped_at))
    assert train(stopped).state() == "stopped"
    ours = train(prepare_trainer(stopped.run.paths, resume=True))
    theirs = train(prepared(tmp_path / "undisturbed", data, schedule_of(run)))
    assert_same_rows(ours, theirs)
    assert ours.knobs_at() == theirs.knobs_at()
    assert schedule_of(ours).interventions == schedule_of(run).interventions


def prepared(root: Path, data: Path, schedule: Schedule) -> Trainer:
    """The trainer that the worker makes of a run directory as the launcher leaves it."""
    paths = RunPaths(root)
    paths.commands.mkdir(parents=True)
    config = small_config(**SECTIONS, data={"name": str(data)})
    paths.config.write_text(tomli_w.dumps(config.model_dump()))
    paths.schedule.write_text(tomli_w.dumps(schedule.to_tree()))
    return prepare_trainer(paths, resume=False)


def test_the_users_own_change_comes_after_the_schedules(tmp_path: Path) -> None:
    """Of several changes at one step the last one counts."""
    twice = [Intervention(8, "alpha", 0.5), Intervention(8, "alpha", 1.0)]
    request = make_request("set", knob="alpha", value=0.75, at_step=8)
    run = train(scheduled(tmp_path / "a", Schedule("mine", twice), request))
    assert run.knobs_at(8)["boost.alpha"] == 0.75
    assert [each.value for each in schedule_of(run).interventions] == [0.5, 1.0, 0.75]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[set]]\nstep = 3\nknob = 'speed'\nvalue = 1", "step 3: 'speed' is no knob of this run"),
        ("[[set]]\nstep = 3\nknob = 'alpha'\nvalue = 7", "boost.alpha = 7: outside its range"),
        ("[[set]]\nstep = 3\nknob = 'alpha'\nvalue = 'much'", "boost.alpha"),
        ("[[set]]\nstep = -1\nknob = 'alpha'\nvalue = 1", "step cannot be -1"),
        ("[[set]]\nstep = 3\nknob = 'alpha'", "lacks the key 'value'"),
        ("[[set]]\nstep = 3\nknob = 'alpha'\nvalue = [1]", "value cannot be [1]"),
        ("[[set]]\nstep = 3\nknob = 'alpha'\nvalue = 1\nwhen = 2", "unknown key 'when'"),
        ("sets = 3", "not 'sets'"),
        ("set = 3", "expected `source`"),
        ("set = [3]", "cannot be 3"),
        ("a = = b", "is no TOML"),
        ("x" * (5 << 20), "expected at most"),
    ],
)
def test_what_cannot_be_is_refused_before_the_training(
    text: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = RunPaths(tmp_path / "run")
    paths.root.mkdir()
    paths.config.write_text('method = "boost"\nepochs = 1\ndevice = "cpu"\n')
    paths.schedule.write_text(text)
    assert main([str(paths.root)]) == 1
    out, said = capsys.readouterr()
    error = "".join(without_phases(said.splitlines(keepends=True)))
    assert out == "" and error.startswith("error: ") and error.count("\n") == 1
    assert expected in error
    assert not paths.store.exists()


def test_changes_that_a_resume_trained_again_are_none(tmp_path: Path) -> None:
    """A run that was left at step 7 and resumed from 4: what happened at 6 counts once."""
    config = small_config(**SECTIONS)
    trainer = make_trainer(tmp_path / "a", small_data(), config)
    for step, value in ((3, 0.1), (6, 0.2)):
        send(
            trainer.run.paths.commands, make_request("set", knob="alpha", value=value, at_step=step)
        )
    send(trainer.run.paths.commands, make_request("stop", how="now", at_step=7))
    train(trainer)
    resumed = resume_trainer(tmp_path / "a", small_data(), config)
    assert resumed.run.step == 4
    run = train(resumed)
    made = [(each.step, each.value) for each in schedule_of(run).interventions]
    assert made == [(3, 0.1), (6, 0.2)]
    assert schedule_of(run, until=6).interventions == schedule_of(run).interventions[:1]
