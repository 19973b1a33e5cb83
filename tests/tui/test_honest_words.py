"""What the first lines say of a run: its state, whether it is a replay, how old the data is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from course import make_manifest
from make_run import make_run
from tui_kit import dashboard, notified, screen_text, settle, shows, until

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import ALIVE, ENDED_BADLY, STATES, State
from asgml.storage.read.remedies import GONE
from asgml.tui.plot.glyphs import BRAILLE
from asgml.tui.scene.history import History
from asgml.tui.scene.scene import Scene, TrainerProcess, Transport
from asgml.tui.session.steering_refusal import steering_refusal
from asgml.tui.terminal.theme import make_styles
from asgml.tui.widgets.notice import notice
from asgml.tui.widgets.status import status_segments

STYLES = make_styles(BRAILLE)
EVERY = sorted({*STATES, GONE})


def scene_in(state: str, **more: object) -> Scene:
    scene = Scene("mine", state, make_manifest("mine"), trainer=TrainerProcess(7, "gpu7"))
    return replace(scene, **more)  # type: ignore[arg-type]


def first_line(scene: Scene, *, frozen: bool = False) -> str:
    segments = status_segments(scene, STYLES, False, scene.name, frozen)
    return "  ".join(segment.text.plain for segment in segments)


@pytest.mark.parametrize("state", EVERY)
def test_the_first_line_names_the_state_with_a_sign(state: str) -> None:
    line = first_line(scene_in(state))
    assert state.upper() in line and "REPLAY" not in line
    sign, style = STYLES.state(state)
    assert sign != "?" or state == "stale"
    assert (style == STYLES.bad) == (state in ENDED_BADLY | {GONE})


@pytest.mark.parametrize("state", EVERY)
def test_a_replay_never_claims_that_the_run_lives(state: str) -> None:
    line = first_line(scene_in(state, transport=Transport(True, 4.0, 3, 9, 30, 90)))
    assert line.startswith(" REPLAY ") and state.upper() not in line.replace("REPLAY", "")
    assert (f"was {state}" in line) == (state in ALIVE) and state in line
    assert "eta" not in line and "it/s" not in line and "data" not in line


@pytest.mark.parametrize("state", sorted(ALIVE))
def test_a_frozen_view_does_not_claim_that_its_data_is_of_now(state: str) -> None:
    assert "data now" in first_line(scene_in(state))
    line = first_line(scene_in(state), frozen=True)
    assert "data now" not in line and "data frozen" in line


@pytest.mark.parametrize("state", EVERY)
def test_notice_and_refusal_give_the_one_remedy_of_the_state(state: str) -> None:
    scene = scene_in(state, history=History(sound_step=40))
    if state in {"crashed", "stale", "failed", "diverged", GONE}:
        assert scene.remedy in notice(scene, STYLES)[0].plain
    refusal = steering_refusal(scene, replayed=False, readonly=False)
    steerable = state in ALIVE
    assert (refusal == "") == steerable
    assert steerable or scene.remedy in refusal


def test_a_diverged_run_says_where_to_go_on_from(tmp_path: Path) -> None:
    scene = scene_in("diverged", history=History(sound_step=40))
    assert "`asgml fork mine --at 40 --set optimizer.lr=" in notice(scene, STYLES)[0].plain
    assert "asgml resume" not in notice(scene, STYLES)[0].plain


async def test_a_diverged_run_on_screen(tmp_path: Path) -> None:
    make_run(tmp_path, 300, name="nan-01", state=State.DIVERGED)
    async with dashboard("nan-01", tmp_path, (160, 45)) as (app, pilot):
        await shows(pilot, "DIVERGED")
        await shows(pilot, "loss is NaN at step 2200; the last sound checkpoint is of step 2000")
        await shows(pilot, "asgml fork nan-01 --at 2000")
        assert "asgml fork nan-01" in app.farewell() and "resume" not in app.farewell()


async def test_a_replay_counts_steps_and_says_where_a_seek_ends(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent, clock="replay", at_step=890) as (
        app,
        pilot,
    ):
        await shows(pilot, "step 890/3\u2009000")
        assert not any(" row " in row for row in screen_text(app))
        assert screen_text(app)[0].startswith(" REPLAY was running")
        await pilot.press("colon", *"99999", "enter")
        await notified(pilot, "step 99999 is beyond the end: at the last one, 3000")
        await until(pilot, lambda: app.main.scene.progress.step == 3000, "the last step is drawn")
        await settle(pilot)
        assert screen_text(app)[0].startswith(" REPLAY finished")
        assert "asgml replay made-01 --at 3000" in app.farewell()


async def test_a_replay_that_begins_beyond_the_end_says_so(tmp_path: Path) -> None:
    make_run(tmp_path, 50, name="short-01", nan_at=0)
    async with dashboard("short-01", tmp_path, clock="replay", at_step=51) as (_, pilot):
        await notified(pilot, "step 51 is beyond the end: at the last one, 50")


async def test_a_run_whose_folder_is_gone_is_told_as_gone(tmp_path: Path) -> None:
    make_run(tmp_path, 50, name="gone-01", nan_at=0)
    async with dashboard("gone-01", tmp_path) as (app, pilot):
        await shows(pilot, "FINISHED")
        shutil.rmtree(tmp_path / "gone-01")
        await shows(pilot, "GONE")
        await shows(pilot, "its folder is gone; `asgml runs` lists the runs that are there")
        assert "resume" not in app.session.refusal()


async def test_a_run_that_goes_while_it_is_opened_is_not_opening_for_ever(tmp_path: Path) -> None:
    async with dashboard(tmp_path / "never-01", tmp_path) as (app, pilot):
        await shows(pilot, "GONE")
        assert not any("OPENING" in row for row in screen_text(app))
