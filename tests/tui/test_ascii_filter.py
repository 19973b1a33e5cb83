"""Plain ASCII on every screen: the last filter keeps the cells and leaves nothing else."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from tui_kit import dashboard, screen_text

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.safe_text import safe
from asgml.tui.terminal.ascii_filter import AsciiFilter, plain


@given(st.text())
def test_a_text_keeps_its_cells(text: str) -> None:
    shown = plain(safe(text))
    assert shown.isascii() and shown.isprintable() and len(shown) == cell_len(safe(text))


def test_infinity_is_a_word_where_there_is_room() -> None:
    line = [Segment("0 … ∞"), Segment("    "), Segment("|")]
    assert "".join(each.text for each in AsciiFilter().apply(line, Color(0, 0, 0))) == (
        "0 ~ inf  |"
    )
    assert plain("∞|") == "?|"


KEYS = ("question_mark", "e", "S", "n", "ctrl+p", "L", "slash", "colon", "o", "g", "question_mark")


async def test_no_screen_or_dialog_has_anything_else(made_run: RunPaths) -> None:
    async with dashboard(made_run.root, made_run.root.parent, ascii=True) as (app, pilot):
        assert all(row.isascii() for row in screen_text(app))
        for key in KEYS:
            await pilot.press(key)
            await pilot.pause(0.1)
            for row in screen_text(app):
                assert row.isascii(), (key, row)
            await pilot.press("escape")


async def test_a_replay_has_nothing_else(made_run: RunPaths, tmp_path: Path) -> None:
    options = {"ascii": True, "clock": "replay", "readonly": True}
    async with dashboard(made_run.root, tmp_path, size=(80, 24), **options) as (_, pilot):
        assert all(row.isascii() for row in screen_text(pilot.app))
