"""Every key of the table works, is in the help and in the manual, and no key means two things."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from fake_trainer import FakeTrainer
from tui_kit import dashboard, screen_text, settle, shows, until

from asgml.storage.format.layout import RunPaths
from asgml.tui.app import Dashboard
from asgml.tui.keys.keymap import KeymapError, checked_keymap, near_ids
from asgml.tui.keys.manual import manual
from asgml.tui.keys.row import EVERYWHERE, MAIN, PLAN, REPLAY, RUN_LIST
from asgml.tui.keys.table import KEYS, bindings_for, footer, keys_for, shown_keys
from asgml.tui.plot.glyphs import BRAILLE
from asgml.tui.scene.view_state import View
from asgml.tui.screens.dialogs import KnobDialog, Prompt, StopDialog
from asgml.tui.screens.effect import EffectScreen
from asgml.tui.screens.help import HelpScreen, in_columns, key_blocks
from asgml.tui.screens.lists import ListScreen
from asgml.tui.screens.many_runs.run_list import RunListScreen
from asgml.tui.screens.trainer_log import TrainerLogScreen
from asgml.tui.terminal.theme import make_styles

OPENS = {
    "edit": KnobDialog,
    "note": Prompt,
    "stop": StopDialog,
    "seek": Prompt,
    "filter": Prompt,
    "events": ListScreen,
    "alerts": ListScreen,
    "runs": RunListScreen,
    "overlay": ListScreen,
    "effect": EffectScreen,
    "trainer_log": TrainerLogScreen,
    "interventions": ListScreen,
    "help": HelpScreen,
}


def _draft(app: Dashboard) -> object:
    return app.main.actions.knobs.draft


def _knob(app: Dashboard) -> object:
    state = app.main.actions.knobs.selected_knob()
    return state and state.knob.name


def _smoothing(app: Dashboard) -> object:
    return app.view.smoothing


def _start(app: Dashboard) -> object:
    return app.view.start


def _selected(app: Dashboard) -> object:
    return app.view.selected


VIEW_CHANGES: dict[str, Callable[[Dashboard], object]] = {
    "x_axis": lambda app: app.view.axis,
    "log_y": lambda app: set(app.view.flipped),
    "smooth_more": _smoothing,
    "smooth_less": _smoothing,
    "smooth_none": _smoothing,
    "zoom_in": lambda app: app.view.zoom,
    "pan_back": _start,
    "pan_on": _start,
    "cursor": lambda app: app.view.cursor,
    "right": _selected,
    "down": _selected,
    "next_chart": _selected,
    "previous_chart": _selected,
    "next_page": _selected,
    "freeze": lambda app: app.view.frozen,
    "open": lambda app: app.view.solo,
    "nudge_up": _draft,
    "nudge_down": _draft,
    "next_knob": _knob,
    "previous_knob": _knob,
}
UNDONE_BY = {
    "zoom_out": "z",
    "follow": "comma",
    "reset": "z",
    "back": "c",
    "left": "tab",
    "up": "down",
    "previous_page": "pagedown",
}
MAIN_IDS = {key.id for key in KEYS if set(key.screens) & set(MAIN)}
SENDS = {"pause": "pause", "checkpoint": "checkpoint", "evaluate": "evaluate"}


@pytest.mark.parametrize("screen", EVERYWHERE)
def test_no_key_means_two_things(screen: str) -> None:
    names = Counter(name for key in keys_for(screen) for name in key.keys)
    assert max(names.values()) == 1
    assert {binding.key for binding in bindings_for(screen)} == set(names)


def test_every_row_has_one_handler_and_every_handler_a_row(tmp_path: Path) -> None:
    groups = Dashboard("x", tmp_path).main.actions.groups
    declared = Counter(id for group in groups for id in group.handlers())
    assert max(declared.values()) == 1
    assert set(declared) == MAIN_IDS


def test_every_row_of_the_lists_has_one_handler(tmp_path: Path) -> None:
    app = Dashboard(None, tmp_path)
    for screen, name in ((app.run_list, RUN_LIST), (app.plan, PLAN)):
        assert set(screen.handlers) == {key.id for key in keys_for(name)}


@pytest.mark.parametrize("screen", EVERYWHERE)
def test_every_key_is_explained_in_help_and_manual(screen: str) -> None:
    blocks, pages = key_blocks(screen, make_styles(BRAILLE), {}, 300), manual()
    text = "\n".join(row.plain for row in in_columns(blocks, 90))
    for key in keys_for(screen):
        assert key.help in text and shown_keys(key) in text and f"`{key.id}`" in pages


def test_the_pages_on_keys_are_those_of_the_table() -> None:
    pages = Path(__file__).parents[2] / "tui" / "KEYS.md"
    assert pages.read_text(encoding="utf-8") == manual(), (
        "make them again: python -m asgml.tui.keys > tui/KEYS.md"
    )


@pytest.mark.parametrize("screen", EVERYWHERE)
def test_help_and_leaving_are_always_in_the_footer(screen: str) -> None:
    assert [row.id for _, _, row in footer(screen, {}, {})][-3:] == ["help", "palette", "detach"]


async def test_keys_that_open_a_screen(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):

        async def check(id: str) -> None:
            await pilot.press(first_key(id))
            await until(pilot, lambda: isinstance(app.screen, OPENS[id]), f"{id} opens its screen")
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.main, "escape leaves it")

        for id in [key.id for key in keys_for("live") if key.id in OPENS]:
            await check(id)


async def test_keys_that_send_a_request(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        for id, kind in SENDS.items():
            await pilot.press(first_key(id))
            await until(pilot, lambda: trainer.answer() > 0, f"{id} is sent")
            await until(pilot, partial(_is_logged, app, kind), f"{kind} is in the log")


async def test_keys_that_change_the_view(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        for id, value in VIEW_CHANGES.items():
            before = value(app)
            await pilot.press(first_key(id))
            assert value(app) != before, id
            if id in {"open", "freeze"}:
                await pilot.press(first_key(id))
            await pilot.press("r", "escape")
            app.view.smoothing, app.view.selected = 0.6, 0


async def test_keys_that_lead_back(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        for id, first in UNDONE_BY.items():
            before = _place(app.view)
            await pilot.press(first)
            assert _place(app.view) != before, id
            await pilot.press(first_key(id))
            assert _place(app.view) == before, id


def _is_logged(app: Dashboard, kind: str) -> bool:
    return any(line.text.startswith(kind) for line in app.main.scene.history.lines)


def first_key(id: str) -> str:
    return next(key.keys[0] for key in KEYS if key.id == id)


def _place(view: View) -> tuple[object, ...]:
    return (view.zoom, view.start, view.cursor, view.selected)


async def test_every_live_key_is_covered_by_a_test() -> None:
    known = {
        *OPENS,
        *VIEW_CHANGES,
        *UNDONE_BY,
        *SENDS,
        "detach",
        "palette",
        "redraw",
        "suspend",
        "export",
        "screenshot",
        "plane",
        "acknowledge",
        "undo",
        "undo_weights",
        "copy",
        "control",
    }
    replay_only = {key.id for key in KEYS if key.screens == (REPLAY,)}
    assert MAIN_IDS - known - replay_only == set()


async def test_export_and_screenshot_write_files_and_overwrite_none(
    made_run: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with dashboard("made-01", made_run.root.parent) as (_, pilot):
        await pilot.press("W", "w", "w")
        await until(pilot, lambda: len(os.listdir(tmp_path)) == 3, "a picture and two exports")
        await settle(pilot)
    assert {path.name for path in tmp_path.iterdir()} == {
        "made-01-step3000.svg",
        "made-01-step3000",
        "made-01-step3000-2",
    }
    rows = (tmp_path / "made-01-step3000" / "steps.csv").read_text().splitlines()
    assert rows[0].startswith("step,wall_time") and len(rows) == 3001


@pytest.mark.parametrize("name", ["q", "ctrl+c"])
async def test_leaving_sends_nothing_to_the_training(name: str, trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await pilot.press(name)
        await until(pilot, lambda: app.return_code is not None or not app.is_running, "it leaves")
        assert app.return_code == 0 and "asgml watch live-01" in app.farewell()
    assert not list(trainer.paths.commands.iterdir())


async def test_ctrl_c_leaves_from_a_dialog_too(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await pilot.press("n", "a", "ctrl+c")
        await until(pilot, lambda: not app.is_running or app.return_code is not None, "it leaves")
        assert app.return_code == 0


async def test_the_palette_offers_the_keys(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent) as (app, pilot):
        await pilot.press("ctrl+p")
        await until(pilot, lambda: app.screen is not app.main, "the palette opens")
        await pilot.press(*"wall time")
        await shows(pilot, "x axis: step, wall time, active time")
        await pilot.press("enter")
        await until(pilot, lambda: app.view.axis == "wall_time", "the command is done")


async def test_keys_can_be_given_to_other_ids(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent, keymap={"x_axis": "X"}) as (app, pilot):
        await pilot.press("X")
        assert app.view.axis == "wall_time"
        await pilot.press("question_mark")
        await until(
            pilot,
            lambda: any("X " in row and "x axis" in row for row in screen_text(app)),
            "the help names the new key",
        )


def test_a_keymap_is_taken_as_textual_names_its_keys() -> None:
    given = {"pause": "p", "log_y": "L, ctrl+y", "events": "[", "nudge_down": "backspace"}
    assert checked_keymap(given) == {
        "pause": "p",
        "log_y": "L,ctrl+y",
        "events": "left_square_bracket",
        "nudge_down": "backspace",
    }


@pytest.mark.parametrize("id", ["pauze", "log", "zoom", "chart", "checkpiont"])
def test_an_unknown_id_is_told_with_those_near_it(id: str) -> None:
    known = {key.id for key in KEYS}
    assert near_ids(id) and set(near_ids(id)) <= known
    with pytest.raises(KeymapError, match=near_ids(id)[0]):
        checked_keymap({id: "p"})


async def test_hjkl_move_as_the_arrows_do(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        for letter, arrow in (("l", "right"), ("j", "down"), ("h", "left"), ("k", "up")):
            app.view.selected = 3
            await pilot.press(letter)
            by_letter, app.view.selected = app.view.selected, 3
            await pilot.press(arrow)
            assert app.view.selected == by_letter != 3, letter
        await pilot.press("c", "h")
        assert app.view.cursor is not None and app.view.cursor < 120


async def test_charts_begin_as_the_preferences_say(made_run: RunPaths) -> None:
    options = {"axis": "active_time", "smoothing": 0.6, "theme": "ansi-light"}
    async with dashboard("made-01", made_run.root.parent, **options) as (app, pilot):
        await shows(pilot, "x: active time  smooth 0.6")
        assert app.theme == "ansi-light" and app.session._smoothing == 0.6
