"""The trainer's output on screen: it follows, filters, and sends nothing while nothing is new."""

from __future__ import annotations

from typing import Any

from fake_trainer import FakeTrainer
from textual.pilot import Pilot
from textual.widgets import RichLog
from tui_kit import dashboard, screen_text, shows, until

LOG = """\
INFO loading [bold]data[/bold] \x1b[2J
WARNING few samples
Traceback (most recent call last):
  File "a.py", line 3
ValueError: no
"""


async def gone(pilot: Pilot[Any], words: str) -> None:
    await until(
        pilot, lambda: all(words not in row for row in screen_text(pilot.app)), f"no {words!r}"
    )


async def test_levels_and_words_filter_and_new_lines_are_followed(trainer: FakeTrainer) -> None:
    log = trainer.paths.trainer_log
    log.write_text(LOG)
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await pilot.press("T")
        await shows(pilot, "INFO loading [bold]data[/bold] ␛[2J")
        await shows(pilot, "3 of 3 records")
        await pilot.press("v", "v")
        await shows(pilot, "2 of 3 records, WARNING and graver")
        await gone(pilot, "INFO loading")
        await pilot.press("v")
        await shows(pilot, "1 of 3 records, ERROR and graver")
        await shows(pilot, 'File "a.py", line 3')
        await pilot.press("v", "v", "slash", *"few", "enter")
        await shows(pilot, "1 of 3 records, with “few”")
        await pilot.press("slash", *["backspace"] * 3, "enter")
        with log.open("a") as file:
            file.write("".join(f"epoch {number}\n" for number in range(200)))
        await shows(pilot, "epoch 199")
        lines = app.screen.query_one(RichLog)
        await pilot.press("g")
        await shows(pilot, "WARNING few samples")
        with log.open("a") as file:
            file.write("the newest\n")
        await shows(pilot, "204 of 204 records")
        assert lines.scroll_y == 0, "the place of someone who reads is kept"
        await pilot.press("f")
        await shows(pilot, "the newest")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main, "escape leaves it")


async def test_a_run_without_a_log_says_so(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent, size=(60, 18)) as (_, pilot):
        await pilot.press("T")
        await shows(pilot, "trainer.log cannot be read: No such file")
