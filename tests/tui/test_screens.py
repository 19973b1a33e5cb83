"""The main screen at six sizes, in three colour modes and two themes: its text and its styles."""

from __future__ import annotations

from itertools import groupby
from string import ascii_letters, digits
from typing import Any

from rich.style import Style
from textual.filter import Monochrome
from tui_kit import screen_text, settle, until

from asgml.storage.format.layout import RunPaths
from asgml.tui.app import Dashboard

SIZES = [(160, 45), (120, 40), (100, 30), (80, 24), (60, 18), (40, 12)]
THEMES = {"dark": ("asgml-dark", "ansi-dark"), "light": ("asgml-light", "ansi-light")}
_NAMES = ascii_letters + digits


def styles_of(app: Any) -> list[str]:
    """The styles of the screen: a letter for each, then each row as letters with their cells."""
    known: dict[str, str] = {}
    rows = []
    for strip in app.screen._compositor.render_strips():
        cells = [
            known.setdefault(str(segment.style or Style()), _NAMES[len(known) % len(_NAMES)])
            for segment in strip
            for _ in range(segment.cell_length)
        ]
        rows.append("".join(f"{name}{len(list(run))}" for name, run in groupby(cells)))
    kept = [f"{len(list(run))}: {row}" for row, run in groupby(rows)]
    return [*(f"{name} = {style}" for style, name in known.items()), *kept]


async def test_the_screen_at_each_size_in_each_colour_mode(
    made_run: RunPaths, snapshot: Any
) -> None:
    app = Dashboard("made-01", made_run.root.parent, clock="replay", at_step=2500, interval=0.25)
    async with app.run_test(size=SIZES[0]) as pilot:
        await until(
            pilot,
            lambda: app.main.scene.progress.step == 2500 and app.main.runs is not None,
            "step 2500 is drawn",
        )
        for without in (False, True):
            if without:  # as NO_COLOR=1 has it
                app.no_color = True
                app._filters.append(Monochrome())
            for size in SIZES:
                await pilot.resize_terminal(*size)
                for shade, (true, few) in THEMES.items():
                    for theme in (true,) if without else (true, few):
                        app.theme = theme
                        await settle(pilot)
                        name = f"{size[0]}x{size[1]}"
                        assert "\n".join(screen_text(app)) == snapshot(name=name)
                        mode = "none" if without else "16" if theme == few else "true"
                        found = "\n".join(styles_of(app))
                        assert found == snapshot(name=f"{name} {mode} {shade}")
                        assert not (without and "#" in found)
