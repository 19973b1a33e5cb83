"""Replay: the same screens under another clock; a moment is drawn as it was drawn live."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from course import Course, make_manifest
from fake_trainer import FakeTrainer
from tui_kit import dashboard, screen_text, settle, shows, until

from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter
from asgml.tui.app import Dashboard
from asgml.tui.screens.dialogs import Prompt

SIZE = (160, 45)


def pictures(app: Dashboard) -> list[str]:
    """Charts, balance and values as drawn, without the lines that tell live from replay."""
    rows = screen_text(app)
    return [row for row in rows[2:36] if "term " not in row]


async def test_a_moment_looks_in_replay_as_it_did_live(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    trainer = FakeTrainer(RunPaths(runs / "run-01"))
    for _ in range(700):
        trainer.train_step()
    trainer.writer.flush()
    async with dashboard("run-01", runs, SIZE) as (app, pilot):
        await until(pilot, lambda: app.main.scene.progress.step == 700, "step 700 is drawn")
        await settle(pilot)
        live = pictures(app)
        smoothed = app.main.scene.data.smoothed["loss"].tolist()
    for _ in range(500):
        trainer.train_step()
    trainer.close()
    async with dashboard("run-01", runs, SIZE, clock="replay", at_step=700) as (app, pilot):
        await until(pilot, lambda: app.main.scene.progress.step == 700, "step 700 is drawn")
        await settle(pilot)
        assert app.main.scene.data.smoothed["loss"].tolist() == smoothed
    # one row more than live: it is taken by the line of the replay
    async with dashboard("run-01", runs, (160, 46), clock="replay", at_step=1100) as (app, pilot):
        await pilot.press("colon", *"700", "enter")
        await until(pilot, lambda: app.main.scene.progress.step == 700, "step 700 is drawn")
        await settle(pilot)
        assert pictures(app) == live


async def test_replay_keys(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent, clock="replay", at_step=1000) as (
        app,
        pilot,
    ):

        async def at(step: int) -> None:
            await until(
                pilot,
                lambda: app.main.scene.progress.step == step,
                f"step {step}, not {app.main.scene.progress.step}",
            )

        await at(1000)
        for key, step in [
            ("full_stop", 1001),
            ("comma", 1000),
            ("greater_than_sign", 1010),
            ("less_than_sign", 1000),
            ("end", 3000),
            ("comma", 2999),
            ("right_curly_bracket", 2999),
            ("left_curly_bracket", 2001),
            ("left_curly_bracket", 1801),
            ("right_curly_bracket", 2001),
        ]:
            await pilot.press(key)
            await at(step)
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(app.screen, Prompt), "it asks for the step")
        await pilot.press(*"x", "enter")
        await shows(pilot, "expected a whole number")
        await pilot.press("backspace", *"1500", "enter")
        await at(1500)
        await pilot.press("home")
        await until(
            pilot,
            lambda: app.main.scene.transport is not None and app.main.scene.transport.row == 0,
            "the beginning",
        )
        await pilot.press("5", "space")
        await until(pilot, lambda: app.main.scene.progress.step > 100, "it plays")
        assert app.main.scene.transport is not None and app.main.scene.transport.speed == 256
        await pilot.press("space")
        await until(
            pilot,
            lambda: app.main.scene.transport is not None and not app.main.scene.transport.playing,
            "it holds",
        )


async def test_speeds(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent, clock="replay", at_step=10) as (
        app,
        pilot,
    ):

        def plays_at(speed: float) -> bool:
            transport = app.main.scene.transport
            return transport is not None and transport.speed == speed

        for number in (3, 1, 5, 2, 4):
            await pilot.press(str(number))
            await until(pilot, partial(plays_at, 4.0 ** (number - 1)), "the speed")


async def test_knobs_marks_and_state_are_those_of_the_moment(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent, clock="replay", at_step=890) as (
        app,
        pilot,
    ):
        assert (
            "boost.alpha 0.25" in screen_text(app)[0]
            and app.main.scene.state == "running"
            and app.main.scene.history.marks == ()
        )
        await pilot.press("colon", *"910", "enter")
        await shows(pilot, "boost.alpha 0.5")
        assert [mark.after for mark in app.main.scene.history.marks] == [0.5]


async def test_a_resumed_run_shows_each_step_once(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "runs" / "again-01")
    paths.commands.mkdir(parents=True)
    paths.config.write_text("[run]\n")
    manifest = make_manifest(paths.name)
    course = Course(manifest)
    with RunWriter.create(paths, manifest) as writer:
        for step in range(1, 101):
            writer.append("steps", course.row("steps", step, 1000.0 + step, step))
        writer.close(State.FAILED)
    with RunWriter.resume(paths) as writer:
        writer.event(Event("resumed", 50, 2000.0, 50.0, 1, {"pid": 1, "host": "gpu7"}))
        for step in range(51, 81):
            writer.append("steps", course.row("steps", step, 2000.0 + step, step, 1))
        writer.close(State.STOPPED)
    async with dashboard("again-01", paths.root.parent) as (app, _):
        assert (
            app.main.scene.data.x("steps", "step").tolist() == list(range(1, 81))
            and app.main.scene.progress.step == 80
        )
    async with dashboard("again-01", paths.root.parent, clock="replay", at_step=80) as (app, pilot):
        await pilot.press("end", *["less_than_sign"] * 4)
        await until(
            pilot,
            lambda: app.main.scene.transport is not None and app.main.scene.transport.row == 90,
            "before the resume",
        )
        assert app.main.scene.data.x("steps", "step").tolist() == list(range(1, 91))
