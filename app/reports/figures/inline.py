"""A figure's SVG as a part of a page: colours of the page's theme, ids of its own, nothing else."""

from __future__ import annotations

import re

from asgml.app.reports.figures.style import COLOURS, GRID, INK, PAPER, SOFT
from asgml.app.reports.markup import Html, text

THEME = {INK: "ink", SOFT: "soft", GRID: "grid", PAPER: "paper"} | {
    colour: f"c{index}" for index, colour in enumerate(COLOURS)
}
"""Colour of a figure → the variable of the page's style that stands in its place."""
DROPPED = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->|<\?xml.*?\?>|<!DOCTYPE.*?>", re.DOTALL)
NAMESPACES = re.compile(r'\s(?:xmlns(?::\w+)?|version)="[^"]*"')
ROOT = re.compile(r'<svg\b([^>]*?)\swidth="([\d.]+)pt"([^>]*)>')


def inline_svg(content: bytes, name: str, label: str) -> Html:
    """Return the SVG for the inside of an HTML page, no wider than the page.

    `label` is what a screen reader says.
    """
    svg = NAMESPACES.sub("", DROPPED.sub("", content.decode())).strip()
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\g<1>{name}-", svg)
    for colour, variable in THEME.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return Html(ROOT.sub(lambda found: _root(found, label), svg, count=1))


def _root(found: re.Match[str], label: str) -> str:
    rest = re.sub(r'\sheight="[^"]*"', "", found.group(1) + found.group(3))
    width = f'style="width:{float(found.group(2)) * 4 / 3:.0f}px"'
    return f'<svg{rest} role="img" aria-label="{text(label)}" {width}>'
