"""The screenshot: every letter is in it, at its place, and untrusted text stays text."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from tui_kit import dashboard, screen_text

from asgml.storage.format.layout import RunPaths
from asgml.tui.screens.actions.files import screen_svg
from asgml.tui.terminal.cell_shapes import HEIGHT, WIDTH
from asgml.tui.terminal.screenshot import EDGE, svg_screenshot

SPACE = {"svg": "http://www.w3.org/2000/svg"}


def words(svg: str) -> list[tuple[int, int, str]]:
    """Return (row, column, word) of everything written in a screenshot."""
    found = []
    for text in ElementTree.fromstring(svg).iterfind("svg:text", SPACE):
        row = round((float(text.get("y", "0")) - 13 - EDGE) / HEIGHT)
        found += [
            (row, round((float(span.get("x", "0")) - EDGE) / WIDTH), span.text or "")
            for span in text
        ]
    return found


async def test_every_word_of_the_screen_stands_at_its_place(made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent) as (app, _):
        rows, svg = screen_text(app), screen_svg(app.main)
    places = words(svg)
    assert len(places) > 200
    assert all(rows[row][column : column + len(word)] == word for row, column, word in places)
    written = [
        letter
        for row in rows
        for letter in row
        if not (letter.isspace() or "─" <= letter <= "▟" or "⠀" <= letter <= "⣿")
    ]
    assert sum(len(word) for _, _, word in places) == len(written)


def test_curves_bars_and_frames_are_shapes() -> None:
    red = Style(color="#ff0000")
    svg = svg_screenshot([Strip([Segment("⣿⠁█─a", red)])], "x", "#000000", "#ffffff")
    paths = ElementTree.fromstring(svg).iterfind("svg:path", SPACE)
    drawn = {
        path.get("stroke-linecap") or path.get("style") or "line": path.get("d", "").count("M")
        for path in paths
    }
    assert drawn == {"round": 9, "fill:#ff0000": 1, "line": 1}
    assert [word for _, _, word in words(svg)] == ["a"]


def test_text_of_unknown_origin_stays_text() -> None:
    svg = svg_screenshot([Strip([Segment("</text><script>&")])], '"><script>', "#000000", "#ffffff")
    assert not list(ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}script"))
    assert [word for _, _, word in words(svg)] == ["</text><script>&"]
