"""Every key in every state of a run: no traceback, and what cannot act says why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_trainer import FakeTrainer
from make_run import make_run
from tui_kit import dashboard, settle, until

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.tui.keys.row import PLAN, RUN_LIST
from asgml.tui.keys.table import keys_for

LEAVES = ("detach",)
STEERABLE = ("live", "paused")
WITHOUT_TRAINER = ("acknowledge",)
"""Keys that act on an ended run too: they ask its trainer for nothing."""


@contextmanager
def run_in(state: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunPaths]:
    """A run in a state, with what is needed to look at it."""
    ended = {"finished": State.FINISHED, "diverged": State.DIVERGED, "replay": State.STOPPED}
    if state in ended:
        yield make_run(root, 120, name="x-01", nan_at=100, state=ended[state])
        return
    trainer = FakeTrainer(RunPaths(root / "x-01"))
    for _ in range(60):
        trainer.train_step()
    if state == "paused":
        trainer.paused = True
        trainer.writer.mark(State.PAUSED)
    trainer.writer.flush()
    if state == "crashed":
        monkeypatch.setattr("asgml.storage.read.reader.Run.state", lambda run, now=None: "crashed")
    yield trainer.paths
    trainer.close()


async def back(app: Any, pilot: Any, to: Any) -> None:
    for _ in range(6):
        if app.screen is to:
            return
        await pilot.press("escape")
        await pilot.pause(0.02)
    raise AssertionError(f"no way back from {app.screen}")


@pytest.mark.parametrize(
    "state", ["live", "paused", "finished", "crashed", "diverged", "replay", "readonly"]
)
async def test_no_key_breaks_anything_in_any_state(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    clock = "replay" if state == "replay" else "live"
    with run_in(state, tmp_path / "runs", monkeypatch) as paths:
        options: dict[str, Any] = {"clock": clock, "readonly": state == "readonly"}
        async with dashboard("x-01", paths.root.parent, (100, 30), **options) as (app, pilot):
            await until(pilot, lambda: app.main.scene.manifest is not None, "it is drawn")
            for key in keys_for(clock):
                if key.id in LEAVES:
                    continue
                app.clear_notifications()
                await pilot.press(key.keys[0])
                await pilot.pause(0.01)
                assert app._exception is None, key.id
                assert app.is_running and app.return_code is None, key.id
                refused = state not in STEERABLE and key.id not in WITHOUT_TRAINER
                if key.steers and (refused or state == "readonly"):
                    told = [note.message for note in app._notifications]
                    assert told and told[-1].strip(), f"{key.id} says nothing"
                    assert app.screen is app.main, key.id
                await back(app, pilot, app.main)
            await settle(pilot)
        sent = [path for path in paths.commands.glob("*.json")]
        assert bool(sent) == (state in STEERABLE)


@pytest.mark.parametrize("readonly", [False, True])
async def test_no_key_breaks_the_run_list(
    readonly: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "runs"
    for number, state in enumerate((State.FINISHED, State.DIVERGED, State.FAILED)):
        make_run(runs, 60, name=f"x-0{number}", nan_at=0, state=state)
    before = sorted(str(path) for path in runs.rglob("*"))
    async with dashboard("x-00", runs, (100, 30), readonly=readonly) as (app, pilot):
        await pilot.press("g")
        await until(pilot, lambda: app.screen is app.run_list and bool(app.run_list.row), "listed")
        for key in keys_for(RUN_LIST):
            if key.id in LEAVES or key.id == "back":
                continue
            app.clear_notifications()
            await pilot.press(key.keys[0])
            await pilot.pause(0.01)
            assert app._exception is None, key.id
            if key.steers and readonly:
                assert any("read-only" in note.message for note in app._notifications), key.id
            if app.screen is not app.run_list:
                await back(app, pilot, app.run_list)
        await settle(pilot)
    if readonly:
        assert sorted(str(path) for path in runs.rglob("*")) == before


@pytest.mark.parametrize("screen", [RUN_LIST, PLAN])
async def test_no_key_breaks_an_empty_list(screen: str, tmp_path: Path) -> None:
    from asgml.tui.app import Dashboard

    (tmp_path / "runs").mkdir()
    plan = tmp_path / "runs" / "nothing" if screen == PLAN else None
    app = Dashboard(None, tmp_path / "runs", plan=plan, interval=0.03)
    async with app.run_test(size=(80, 24)) as pilot:
        home = app.plan if screen == PLAN else app.run_list
        await until(pilot, lambda: app.screen is home, "it is open")
        for key in keys_for(screen):
            if key.id in (*LEAVES, "back", "runs"):
                continue
            await pilot.press(key.keys[0])
            await pilot.pause(0.01)
            assert app._exception is None, key.id
            if app.screen is not home:
                await pilot.press("escape")
                await pilot.pause(0.02)
