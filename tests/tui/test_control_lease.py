"""Control of a run: one dashboard steers, others look on until they take over, politely."""

from __future__ import annotations

import time

import pytest
from fake_trainer import FakeTrainer
from tui_kit import dashboard, notified, screen_text, settle, shows, until

from asgml.app.errors import RejectedError
from asgml.storage.commands.lease import LEASE_SECONDS, Lease, read_lease, write_lease
from asgml.storage.commands.request import issuer
from asgml.storage.read.reader import Run
from asgml.tui.screens.dialogs import Prompt


def requests(trainer: FakeTrainer) -> int:
    return len(list(trainer.paths.commands.glob("*.json")))


def steers(trainer: FakeTrainer, holder: str = "anna@gpu7", ago: float = 0.0) -> None:
    now = time.time()
    write_lease(trainer.paths.control, Lease("a1", holder, now - 60, now - ago))


async def test_the_second_dashboard_looks_on_until_it_takes_over(trainer: FakeTrainer) -> None:
    folder = trainer.paths.root.parent
    async with (
        dashboard("live-01", folder) as (_one, first),
        dashboard("live-01", folder) as (
            _two,
            second,
        ),
    ):
        assert not trainer.paths.control.exists(), "who only looks does not steer"
        await first.press("n", *"mine", "enter")
        await until(first, lambda: trainer.answer() > 0, "it is sent")
        await shows(first, "you steer")
        await shows(second, f"{issuer()} steers since")
        await second.press("space")
        await notified(second, "t takes over")
        assert requests(trainer) == 0
        await second.press("t")
        await shows(second, "Take over control?")
        await second.press("enter")
        await notified(first, "has taken over control; t takes it back")
        await shows(first, f"{issuer()} steers since")
        await second.press("space")
        await until(second, lambda: trainer.answer() > 0, "the second one steers now")
    assert not trainer.paths.control.exists(), "leaving releases control"


async def test_a_dashboard_that_died_holds_nobody_up(trainer: FakeTrainer) -> None:
    steers(trainer, ago=LEASE_SECONDS + 5)
    async with dashboard("live-01", trainer.paths.root.parent) as (_, pilot):
        await pilot.press("space")
        await until(pilot, lambda: trainer.answer() > 0, "it is sent")


async def test_control_is_released_by_its_key(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (_, pilot):
        await pilot.press("t")
        await shows(pilot, "you steer")
        await pilot.press("t")
        await until(pilot, lambda: not trainer.paths.control.exists(), "it is released")
        await settle(pilot)
        await notified(pilot, "anyone may steer")


async def test_a_hostile_holder_is_text(trainer: FakeTrainer) -> None:
    steers(trainer, "\x1b[31m[bold]\n" + "x" * 150)
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await shows(pilot, "␛[31m[bold] xxx")
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, Prompt), "it asks")
        await pilot.press("escape")
        assert read_lease(trainer.paths.control) is not None
        assert all(len(row) <= 160 for row in screen_text(app))


async def test_a_run_whose_folder_cannot_be_written_is_steered_without(
    trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: object, lease: object) -> None:
        raise OSError("full")

    monkeypatch.setattr("asgml.tui.session.control_desk.write_lease", full)
    async with dashboard("live-01", trainer.paths.root.parent) as (_, pilot):
        await pilot.press("space")
        await until(pilot, lambda: trainer.answer() > 0, "it is sent")


async def test_looking_only_and_replaying_take_no_control(trainer: FakeTrainer) -> None:
    steers(trainer)
    for options in ({"readonly": True}, {"clock": "replay"}):
        async with dashboard("live-01", trainer.paths.root.parent, **options) as (_, pilot):
            await pilot.press("t", "space")
            await settle(pilot)
    found = read_lease(trainer.paths.control)
    assert found is not None and found.id == "a1"


def test_ctl_respects_somebody_elses_control(trainer: FakeTrainer) -> None:
    from asgml.app.commands.ctl_control import check_control

    run = Run.open(trainer.paths)
    check_control(run, take_over=False)
    steers(trainer, issuer())
    check_control(run, take_over=False)  # a dashboard of one's own
    steers(trainer)
    with pytest.raises(RejectedError, match=r"anna@gpu7 steers live-01 since .*--take-over"):
        check_control(run, take_over=False)
    check_control(run, take_over=True)
    assert not trainer.paths.control.exists()
