"""Every text can be read: a contrast of 4.5 in each theme, on each background, in few colours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from contrast import VGA, XTERM, Rgb, contrast, seen
from fake_trainer import FakeTrainer
from make_run import make_run
from rich.color import Color, ColorSystem
from rich.style import Style
from tui_kit import dashboard, settle

from asgml.tui.plot.glyphs import BRAILLE
from asgml.tui.terminal.palettes import DARK, LIGHT, THEMES
from asgml.tui.terminal.theme import Styles, make_styles

LEAST = 4.5
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
_LETTERS = re.compile(r"[\w✗●▲■◆✚★▼◉✓▸☰⚠]")


def texts(styles: Styles) -> dict[str, Style]:
    """Every style that a letter is written in, by name."""
    names = [
        field.name for field in fields(styles) if isinstance(getattr(styles, field.name), Style)
    ]
    found = {name: getattr(styles, name) for name in names if name != "frame"}
    return found | {f"curve {place}": style for place, style in enumerate(styles.curves)}


@pytest.mark.parametrize("system", [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT])
@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_true_colours_and_their_nearest_of_256(theme: Any, system: ColorSystem) -> None:
    styles = make_styles(BRAILLE, dark=theme.dark)
    papers = [theme.background, theme.surface, theme.panel]
    papers.append(theme.variables["block-cursor-background"])
    for paper in papers:
        for name, style in texts(styles).items():
            on = style + Style(bgcolor=Color.parse(paper))
            found = contrast(*seen(on, WHITE, BLACK, XTERM, system))
            assert found >= LEAST, f"{name} on {paper}: {found:.2f}"


@pytest.mark.parametrize("palette", [XTERM, VGA], ids=["xterm", "VGA"])
@pytest.mark.parametrize(("dark", "paper"), [(True, BLACK), (False, WHITE)])
def test_sixteen_colours(palette: list[str], dark: bool, paper: Rgb) -> None:
    styles = make_styles(BRAILLE, ansi=True, dark=dark)
    ink = WHITE if dark else BLACK
    for name, style in texts(styles).items():
        found = contrast(*seen(style, paper, ink, palette, ColorSystem.STANDARD))
        assert found >= LEAST, f"{name}: {found:.2f}"
        assert not style.dim, name


def cells(app: Any) -> Iterator[tuple[str, Style]]:
    """Every text of the screen with its style; lines and dots are no text."""
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            if _LETTERS.search(segment.text) and segment.style is not None:
                yield segment.text, segment.style


def faults(app: Any, dark: bool) -> dict[str, float]:
    """Texts that cannot be read, with their contrast."""
    paper, ink = (BLACK, WHITE) if dark else (WHITE, BLACK)
    found = {}
    for text, style in cells(app):
        for palette in (XTERM, VGA):
            ratio = contrast(*seen(style, paper, ink, palette, ColorSystem.TRUECOLOR))
            if ratio < LEAST:
                found[f"{text.strip()!r} {style}"] = round(ratio, 2)
    return found


KEYS = {
    "main": [],
    "cursor": ["c"],
    "events": ["escape", "L"],
    "alerts": ["escape", "A"],
    "edit": ["escape", "e"],
    "stop": ["escape", "S"],
    "help": ["escape", "question_mark"],
    "runs": ["escape", "g"],
    "mark": ["space"],
    "sort": ["s"],
    "filter": ["escape", "slash", "="],
    "palette": ["escape", "ctrl+p", "a"],
}


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
async def test_every_text_on_every_screen_can_be_read(theme: Any, trainer: FakeTrainer) -> None:
    runs = trainer.paths.root.parent
    make_run(runs, 400, name="done-01", nan_at=200)
    async with dashboard("live-01", runs, (120, 40)) as (app, pilot):
        app.theme = theme.name
        for place, keys in KEYS.items():
            await pilot.press(*keys)
            await settle(pilot)
            await pilot.pause(0.1)
            assert faults(app, theme.dark) == {}, place


async def test_no_colour_is_sent_where_none_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    make_run(tmp_path, 400, name="done-01", nan_at=200)
    async with dashboard("done-01", tmp_path, (100, 30)) as (app, pilot):
        for keys in ([], ["L"]):
            await pilot.press(*keys)
            await settle(pilot)
            styles = [style for _, style in cells(app)]
            assert all(
                colour is None or colour.is_default
                for style in styles
                for colour in (style.color, style.bgcolor)
            )
        assert any(style.underline for style in styles), "the selected line is told apart"


def test_only_these_themes_are_offered(tmp_path: Path) -> None:
    from asgml.tui.app import Dashboard

    assert set(Dashboard(None, tmp_path).available_themes) == {theme.name for theme in THEMES}
