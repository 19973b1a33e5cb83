"""Undo, changes for a time and reasons, from the keys to the file that the trainer reads."""

from __future__ import annotations

from functools import partial

from fake_trainer import FakeTrainer
from tui_kit import dashboard, notified, screen_text, settle, shows, until

from asgml.storage.commands.inbox import Inbox, Request, make_request, send
from asgml.storage.format.layout import RunPaths
from asgml.tui.app import Dashboard
from asgml.tui.screens.dialogs import Prompt


def values(app: Dashboard) -> dict[str, object]:
    return {state.knob.name: state.value for state in app.main.scene.knobs}


def _is(app: Dashboard, alpha: object) -> bool:
    return values(app)["boost.alpha"] == alpha


def only_request(trainer: FakeTrainer) -> Request:
    (request,) = Inbox(trainer.paths.commands).poll()
    assert isinstance(request, Request)
    return request


async def test_undo_leads_back_change_by_change(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        before = values(app)
        for value in ("0.5", "0.75"):
            await pilot.press("e", *value, "enter")
            await until(pilot, lambda: trainer.answer() > 0, "it is sent")
        await until(pilot, lambda: values(app)["boost.alpha"] == 0.75, "both are made")
        for value in (0.5, before["boost.alpha"]):
            await pilot.press("u")
            await until(pilot, lambda: trainer.answer() > 0, "undo is sent")
            await until(pilot, partial(_is, app, value), f"back to {value}")
        assert values(app) == before
        await shows(pilot, "undo: set boost.alpha 0.5 → 0.25")
        app.clear_notifications()
        await pilot.press("u")
        await notified(pilot, "no knob was changed that could be undone")
    assert not list(trainer.paths.commands.iterdir())


async def test_one_wish_never_undoes_two_changes(trainer: FakeTrainer) -> None:
    """Two people see the same last change; the second request names one that is undone already."""
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        for value in ("0.5", "0.75"):
            await pilot.press("e", *value, "enter")
            await until(pilot, lambda: trainer.answer() > 0, "it is sent")
        await until(pilot, partial(_is, app, 0.75), "both are made")
        last = trainer.changes.last(trainer.step)
        assert last is not None
        send(trainer.paths.commands, make_request("undo", undoes=last.id))
        await pilot.press("u")
        await until(
            pilot, lambda: len(list(trainer.paths.commands.glob("*.json"))) == 2, "both are sent"
        )
        assert trainer.answer() == 2
        await notified(pilot, "there is another last change by now")
        assert trainer.values["boost.alpha"] == 0.5


async def test_the_dialog_takes_a_span_and_a_reason(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (_, pilot):
        await pilot.press("e", *"0.5", "tab", *"2 weeks", "tab", *"plateau [b]", "enter")
        await shows(pilot, "expected a span such as 500 steps")
        await pilot.press("shift+tab", *"2 epochs", "enter")
        await until(pilot, lambda: any(trainer.paths.commands.glob("*.json")), "it is sent")
        request = only_request(trainer)
        per_epoch = trainer.course.manifest.steps_per_epoch
        assert (request.knob, request.value, request.note) == ("boost.alpha", 0.5, "plateau [b]")
        assert request.for_steps == 2 * per_epoch
        trainer.inbox = Inbox(trainer.paths.commands)
        trainer.answer()
        await shows(pilot, f"until step {trainer.step + 2 * per_epoch}")
        await shows(pilot, f"until {trainer.step + 2 * per_epoch}, then 0.25")
        await shows(pilot, "“plateau [b]”")


async def test_the_edit_dialog_keeps_its_value_field_on_a_short_terminal(
    trainer: FakeTrainer,
) -> None:
    async with dashboard("live-01", trainer.paths.root.parent, size=(80, 18)) as (_, pilot):
        await pilot.press("e", *"0.5", "enter")
        await until(pilot, lambda: any(trainer.paths.commands.glob("*.json")), "it is sent")
    request = only_request(trainer)
    assert (request.value, request.for_steps, request.note) == (0.5, None, None)


async def test_going_back_with_the_weights_asks_first(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await pilot.press("e", *"0.5", "enter")
        await until(pilot, lambda: trainer.answer() > 0, "it is sent")
        await until(pilot, lambda: values(app)["boost.alpha"] == 0.5, "it is made")
        await pilot.press("U")
        await until(pilot, lambda: isinstance(app.screen, Prompt), "it asks")
        await shows(pilot, "Go back, weights too")
        await pilot.press("escape")
        await settle(pilot)
        assert not list(trainer.paths.commands.iterdir())
        await pilot.press("U", *"worse", "enter")
        await until(pilot, lambda: any(trainer.paths.commands.glob("*.json")), "it is sent")
    request = only_request(trainer)
    assert (request.kind, request.weights, request.note) == ("undo", True, "worse")
    assert request.undoes == trainer.changes.last(trainer.step).id  # type: ignore[union-attr]


async def test_an_ended_run_has_nothing_to_undo(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent) as (app, pilot):
        await pilot.press("u", "U")
        await notified(pilot, "the training has finished")
        assert app.screen is app.main and "made-01" in screen_text(app)[0]
