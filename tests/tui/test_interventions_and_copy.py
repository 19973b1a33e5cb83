"""The list of interventions, made and to come; what can be copied, and where it cannot."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from fake_trainer import FakeTrainer
from tui_kit import dashboard, notified, screen_text, settle, shows, until

from asgml.storage.commands.inbox import make_request, send
from asgml.storage.format.events import Event
from asgml.tui.scene.interventions import made_interventions
from asgml.tui.screens.lists import ListScreen
from asgml.tui.terminal import clipboard
from asgml.tui.terminal.clipboard import MOST, clipboard_refusal, clipboard_text


def steer(trainer: FakeTrainer, kind: str, **fields: Any) -> None:
    send(trainer.paths.commands, make_request(kind, **fields))
    trainer.answer()


async def test_what_was_made_and_what_is_to_come(trainer: FakeTrainer) -> None:
    steer(trainer, "set", knob="boost.alpha", value=0.5, note="try [it]")
    steer(trainer, "set", knob="boost.alpha", value=0.75)
    steer(trainer, "undo")
    steer(trainer, "pause")
    steer(trainer, "set", knob="lr", value=0.01, for_steps=500)
    trainer.paths.schedule.write_text(
        'source = "else\x1bwhere"\n'.replace("\x1b", "\\u001b")
        + "".join(
            f"[[set]]\nstep = {step}\nknob = 'boost.alpha'\nvalue = {value}\n"
            for step, value in ((50, 0.1), (300, 0.2))
        )
    )
    later = make_request("set", knob="probe.eval_freq", value=20, at_step=400, note="later")
    send(trainer.paths.commands, later)
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await pilot.press("E")
        await shows(pilot, "Interventions (5 made, 3 to come)")
        text = [row for row in screen_text(app) if "│" in row]

        def place(words: str) -> int:
            return next(number for number, row in enumerate(text) if words in row)

        order = [
            "620 coming lr 0.01 → ",
            "400 coming set probe.eval_freq → 20  “later”",
            "300 coming boost.alpha → 0.2  by the schedule of else␛where",
            "set lr",
            "pause",
            "undo: set boost.alpha 0.75 → 0.5",
            "undone set boost.alpha 0.5 → 0.75",
            "set boost.alpha 0.25 → 0.5  “try [it]”",
        ]
        places = [place(words) for words in order]
        assert places == sorted(places)
        await pilot.press("end", "enter")
        await until(pilot, lambda: app.screen is app.main, "it leads back")
        assert app.view.cursor is not None


async def test_values_and_commands_are_copied(
    trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("STY", raising=False)
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        run = trainer.paths.root
        await pilot.press("Y", "enter")
        await notified(pilot, "characters to the terminal's clipboard")
        assert app.clipboard.startswith("step 120: probe_accuracy/audio = 0.")
        for choice in ("down", "down", "down", "down"):
            await pilot.press("Y", *[choice] * 4, "enter")
        await until(pilot, lambda: "ctl" in app.clipboard, "the command is copied")
        assert app.clipboard == f"asgml ctl {run} set boost.alpha=0.25"


async def test_a_terminal_without_a_clipboard_is_told(
    trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "linux")
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await pilot.press("Y")
        await notified(pilot, "a terminal of the kind linux has no clipboard")
        await settle(pilot)
        assert not isinstance(app.screen, ListScreen) and app.clipboard == ""


@pytest.mark.parametrize(("answer", "words"), [("on\n", ""), ("external\n", "set-clipboard on")])
def test_tmux_is_asked_whether_it_passes_it_on(
    answer: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.CompletedProcess([], 0, answer, "")
    monkeypatch.setattr(clipboard.subprocess, "run", lambda *words, **options: done)
    refusal = clipboard_refusal({"TERM": "tmux-256color", "TMUX": "/tmp/x,1,0"})
    assert (words in refusal) if words else refusal == ""


def test_other_terminals() -> None:
    assert clipboard_refusal({"TERM": "xterm-256color"}) == ""
    assert "GNU screen" in clipboard_refusal({"TERM": "screen", "STY": "1.pts"})
    assert clipboard_refusal({"TERM": "vt220"}) and clipboard_refusal({})


def test_what_is_copied_is_one_safe_line_of_bounded_length(tmp_path: Path) -> None:
    copied = clipboard_text("rm -rf /\n\x1b[31m" + "x" * (2 * MOST))
    assert len(copied) == MOST and copied.startswith("rm -rf / ␛[31mxx") and copied.isprintable()


def test_a_change_that_an_undo_carried_to_its_end_is_over() -> None:
    timed = {"command": "set", "answer": "applied", "knob": "lr", "before": 0.1, "until": 9}
    told = [
        (3, "command", {**timed, "id": "a", "after": 0.2}),
        (4, "command", {**timed, "id": "b", "after": 0.3}),
        (5, "command", {**timed, "id": "c", "after": 0.2, "undo": "b"}),
        (9, "phase", {"knob": "lr", "before": 0.2, "after": 0.1, "expired": "c"}),
        (20, "command", {**timed, "id": "d", "after": 0.2, "until": 30}),
    ]
    events = [Event(kind, step, 0.0, 0.0, 0, fields) for step, kind, fields in told]
    fates = [line.fate for line in made_interventions(events)]
    assert fates == ["over", "undone", "over", "", ""]
