"""Steering: no request is shown as a fact, refusals give their reason, ended runs refuse all."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_trainer import FakeTrainer
from tui_kit import dashboard, notified, screen_text, settle, shows, until

from asgml.storage.commands.inbox import Inbox, Request
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.tui.app import Dashboard
from asgml.tui.keys.table import KEYS
from asgml.tui.scene.scene import KnobState
from asgml.tui.screens.dialogs import KnobDialog


def knob(app: Dashboard, name: str = "boost.alpha") -> KnobState:
    return next(state for state in app.main.scene.knobs if state.knob.name == name)


def row_with(app: Dashboard, words: str) -> str:
    return next((row for row in screen_text(app) if words in row), "")


async def test_a_request_becomes_a_fact_only_by_the_trainers_answer(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await pilot.press("e", "0", ".", "5", "enter")
        await until(
            pilot,
            lambda: any(trainer.paths.commands.glob("*.json")),
            "a request lies in the folder",
        )
        await until(pilot, lambda: knob(app).requested == 0.5, "the request is shown")
        await settle(pilot)
        assert knob(app).value == 0.25 and "boost.alpha 0.25" in screen_text(app)[0]
        assert "0.5 asked" in row_with(app, "▸ boost.alpha")
        trainer.answer()
        await until(pilot, lambda: knob(app).value == 0.5, "the answer is shown")
        await shows(pilot, "boost.alpha 0.5")
        assert knob(app).requested is None and any(
            "0.25 → 0.5" in line.text for line in app.main.scene.history.lines
        )


async def test_the_request_is_what_was_asked_for(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (_app, pilot):
        await pilot.press("right_square_bracket", "right_square_bracket", "enter")
        await until(
            pilot,
            lambda: any(trainer.paths.commands.glob("*.json")),
            "a request lies in the folder",
        )
    (request,) = Inbox(trainer.paths.commands).poll()
    assert isinstance(request, Request) and (request.kind, request.knob, request.value) == (
        "set",
        "boost.alpha",
        0.35,
    )


async def test_escape_forgets_a_nudge(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await pilot.press("right_square_bracket")
        await shows(pilot, "0.25 → 0.3?")
        await pilot.press("escape", "enter")
        assert app.main.actions.knobs.draft is None and not list(trainer.paths.commands.iterdir())


async def test_a_value_outside_the_range_never_leaves_the_dialog(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await pilot.press("e", "7", "enter")
        await shows(pilot, "outside its range 0 … 1")
        assert isinstance(app.screen, KnobDialog) and not list(trainer.paths.commands.iterdir())


async def test_a_refusal_of_the_trainer_is_shown_with_its_reason(
    trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        trainer,
        "_set",
        lambda request: {
            "answer": "rejected",
            "knob": request.knob,
            "reason": "not while evaluating",
        },
    )
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await pilot.press("right_square_bracket", "enter")
        await until(pilot, lambda: trainer.answer() > 0, "the request is sent")
        await until(pilot, lambda: knob(app).refused != "", "the refusal is known")
        await shows(pilot, "not while evaluating")
        assert knob(app).value == 0.25


async def test_pause_is_shown_as_paused_and_space_resumes(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (_, pilot):
        await pilot.press("space")
        await until(pilot, lambda: trainer.answer() > 0, "pause is sent")
        await shows(pilot, "PAUSED")
        await pilot.press("space")
        await until(pilot, lambda: trainer.answer() > 0, "resume is sent")
        await shows(pilot, "RUNNING")


@pytest.mark.parametrize(("keys", "how"), [(("enter",), "after_step"), (("down", "enter"), "now")])
async def test_stop_says_how(keys: tuple[str, ...], how: str, trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (_, pilot):
        await pilot.press("S")
        await settle(pilot)
        await pilot.press(*keys)
        await until(
            pilot,
            lambda: any(trainer.paths.commands.glob("*.json")),
            "a request lies in the folder",
        )
    (request,) = Inbox(trainer.paths.commands).poll()
    assert isinstance(request, Request) and (request.kind, request.how) == ("stop", how)


async def test_kill_asks_for_the_word(
    trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    monkeypatch.setattr("asgml.tui.session.outbox.os.kill", lambda pid, number: killed.append(pid))
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await pilot.press("S")
        await settle(pilot)
        await pilot.press("down", "down", "enter")
        await shows(pilot, "Type kill")
        await pilot.press("y", "enter")
        await shows(pilot, "type the word kill")
        assert killed == []
        await pilot.press("backspace", *"kill", "enter")
        await until(pilot, lambda: killed == [app.main.scene.trainer.pid], "the process is killed")


async def test_readonly_refuses_all_that_steers(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent, readonly=True) as (app, pilot):
        for key in [
            key for key in KEYS if key.steers and "live" in key.screens and key.id != "acknowledge"
        ]:
            app.clear_notifications()
            await pilot.press(key.keys[0])
            await notified(pilot, "read-only: `asgml watch live-01` without --readonly")
            assert app.screen is app.main and app.main.actions.knobs.draft is None
        assert app.session.send("pause").startswith("read-only") and app.session.kill().startswith(
            "read-only"
        )
        assert "read-only" in screen_text(app)[0]
    assert not list(trainer.paths.commands.iterdir())


async def test_an_ended_run_says_what_to_do(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent) as (_, pilot):
        await pilot.press("space")
        await notified(
            pilot,
            "the training has finished; `asgml replay made-01` plays it",
        )
    assert not list(made_run.commands.iterdir())


async def test_notes_and_answers_reach_the_log(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (_, pilot):
        await pilot.press("n", *"hello", "enter")
        await until(pilot, lambda: trainer.answer() > 0, "the note is sent")
        await shows(pilot, "note “hello”")


async def test_new_rows_are_drawn(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (_, pilot):
        await shows(pilot, "step 120/")
        for _ in range(30):
            trainer.train_step()
        trainer.writer.flush()
        await shows(pilot, "step 150/")


async def test_a_frozen_view_stays_and_comes_back(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await pilot.press("F")
        trainer.train_step()
        trainer.writer.flush()
        await until(pilot, lambda: app.session.scene.progress.step == 121, "the row is read")
        await shows(pilot, "FROZEN VIEW")
        assert "step 120/" in screen_text(app)[0]
        await pilot.press("F")
        await shows(pilot, "step 121/")


async def test_a_run_whose_trainer_is_still_starting_shows_its_words(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "runs" / "new-01")
    paths.commands.mkdir(parents=True)
    paths.config.write_text("[run]\n")
    paths.trainer_log.write_text("loading data\n\x1b[31mImportError: no torch [bold]\x1b[0m\n")
    async with dashboard("new-01", paths.root.parent) as (_app, pilot):
        await shows(pilot, "STARTING")
        await shows(pilot, "␛[31mImportError: no torch [bold]")
        trainer = FakeTrainer(paths)
        trainer.train_step()
        trainer.writer.flush()
        await shows(pilot, "RUNNING")
        trainer.close(State.FINISHED)
        await shows(pilot, "FINISHED")


async def test_the_screen_says_what_a_starting_trainer_does(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "runs" / "new-01")
    paths.commands.mkdir(parents=True)
    paths.config.write_text("[run]\n")
    async with dashboard("new-01", paths.root.parent, (80, 24)) as (_app, pilot):
        await shows(pilot, "starting: importing torch")
        paths.trainer_log.write_text("a warning of torch\nstarting: reading the data\n")
        await shows(pilot, "starting: reading the data")
        await shows(pilot, "a warning of torch")
        with paths.trainer_log.open("a") as log:
            log.write("starting: building the model\n")
        await shows(pilot, "starting: building the model")
        trainer = FakeTrainer(paths)
        await shows(pilot, "starting: waiting for the first step")
        trainer.train_step()
        trainer.writer.flush()
        await shows(pilot, "step 1/")
        assert not row_with(_app, "starting:")
        trainer.close(State.FINISHED)


async def test_an_evaluation_before_the_first_step_is_drawn_at_once(tmp_path: Path) -> None:
    trainer = FakeTrainer(RunPaths(tmp_path / "runs" / "new-01"))
    now = trainer.started
    row = trainer.course.row("epochs", 0, now, 0.0)
    trainer.writer.append("epochs", row)
    trainer.writer.flush()
    async with dashboard("new-01", tmp_path / "runs", (80, 24)) as (app, pilot):
        await shows(pilot, "starting: waiting for the first step")
        await until(pilot, lambda: "epoch accuracy" in [p.title for p in app.main.panels], "drawn")
        await pilot.press("slash", *"epoch accuracy", "enter")
        await shows(pilot, "val_accuracy 0.11")
    trainer.close(State.FINISHED)
