"""Every dialog and list at small sizes: its field is in sight, and what is hidden is counted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fake_trainer import FakeTrainer
from textual.widgets import Input, OptionList
from tui_kit import dashboard, screen_text, settle, shows

from asgml.storage.format.events import Event
from asgml.tui.keys.row import EVERYWHERE
from asgml.tui.keys.table import keys_for
from asgml.tui.keys.words import WORDS, chart_words, words_for
from asgml.tui.plot.glyphs import BRAILLE
from asgml.tui.scene.run_columns import _FIXED, MEASURED
from asgml.tui.screens.help import in_columns, key_blocks, word_blocks
from asgml.tui.terminal.theme import make_styles
from asgml.tui.widgets.modality_lines import wide_heading
from asgml.tui.widgets.scrolled import Scrolled
from asgml.tui.widgets.values import value_heading

SIZES = [(40, 12), (60, 18), (80, 24)]
DIALOGS = {
    "edit": ["e"],
    "note": ["n"],
    "stop": ["S"],
    "filter": ["slash"],
    "events": ["L"],
    "alerts": ["A"],
    "overlay": ["o"],
    "help": ["question_mark"],
    "words": ["question_mark", "tab"],
    "sort": ["g", "s"],
    "list filter": ["g", "slash"],
    "tag": ["g", "t"],
}


def inside(app: Any, widget: Any) -> bool:
    """True where all of a widget is on the screen and in no one's shadow."""
    region = widget.region
    return bool(region.area) and region in app.screen.region and region in widget.parent.region


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_dialog_shows_its_field(size: tuple[int, int], trainer: FakeTrainer) -> None:
    for place in range(30):
        fields = {"level": "warn", "message": f"alert number {place}", "column": "loss"}
        trainer.writer.event(Event("alert", place, 1.0, 1.0, 0, fields))
    trainer.writer.flush()
    async with dashboard("live-01", trainer.paths.root.parent, size) as (app, pilot):
        for name, keys in DIALOGS.items():
            await pilot.press(*keys)
            await settle(pilot)
            await pilot.pause(0.05)
            fields_shown = [field for field in app.screen.query(Input) if field.display]
            lists = list(app.screen.query(OptionList))
            assert fields_shown or lists or app.screen.query(Scrolled), name
            for widget in [*fields_shown[:1], *lists]:
                assert inside(app, widget), (name, widget.region)
            if name == "edit":
                await pilot.press("9", "9")
                await shows(pilot, "outside its")
                assert "99" in "\n".join(screen_text(app))
            for choices in lists:
                hidden = choices.virtual_size.height > choices.size.height
                assert not hidden or re.search(r"↓ \d+ more", "\n".join(screen_text(app))), name
            while app.screen is not app.main:
                await pilot.press("escape")
                await settle(pilot)


@pytest.mark.parametrize("size", [*SIZES, (160, 45)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_all_of_the_help_can_be_read(size: tuple[int, int], trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent, size) as (app, pilot):
        for page, told in ((["question_mark"], keys_for("live")), (["tab"], words_for("live"))):
            await pilot.press(*page)
            await settle(pilot)
            seen = ""
            area = app.screen.query_one(Scrolled)
            for _ in range(200):
                seen += "\n".join(area.plain)
                if not re.search(r"↓ \d+", area.plain[-1]):
                    break
                await pilot.press("pagedown")
            assert not re.search(r"↓ \d+", area.plain[-1])
            text = " ".join(seen.split())
            for row in told:
                first = (row.help if hasattr(row, "help") else row.meaning).split()[0]
                assert first in text
            await pilot.press("home")
            assert area.top == 0
        await pilot.press("escape")
        assert app.screen is app.main


@pytest.mark.parametrize("screen", EVERYWHERE)
@pytest.mark.parametrize("width", [34, 76, 116])
def test_help_keeps_every_word_at_any_width(screen: str, width: int) -> None:
    styles = make_styles(BRAILLE)
    cells = (width - 3) // 2 if width >= 104 else width
    for blocks, told in (
        (key_blocks(screen, styles, {}, cells), [key.help for key in keys_for(screen)]),
        (word_blocks(screen, styles, cells), [word.meaning for word in words_for(screen)]),
    ):
        rows = in_columns(blocks, width)
        assert all(row.cell_len <= width for row in rows)
        written = " ".join(row.plain for block in blocks for row in block).split()
        for text in told:
            assert set(text.split()) <= set(written)


def explained(screen: str) -> set[str]:
    return {word.word for word in words_for(screen)}


def test_every_word_of_the_headings_is_explained() -> None:
    styles, known = make_styles(BRAILLE), explained("live")
    balance = wide_heading(styles, 160, references=True).plain
    for word in sorted(known, key=len, reverse=True):
        balance = balance.replace(word, " ")
    assert set(re.findall(r"[a-z]{2,}", balance)) == set()
    assert set(value_heading(styles, 60).plain.split()) <= known
    assert set(MEASURED) | set(_FIXED) | {"name"} <= explained("run list")
    assert {word.word for word in chart_words()} <= explained("comparison")


def test_no_word_has_two_meanings_on_a_screen() -> None:
    for screen in EVERYWHERE:
        words = [(word.place, word.word) for word in words_for(screen)]
        assert len(words) == len(set(words))
    assert all(word.meaning and word.meaning[0] for word in WORDS)
