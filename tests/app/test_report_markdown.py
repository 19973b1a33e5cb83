"""Text from outside in `report.md`: a renderer gives it back, and it is plain to read."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from asgml.app.reports.markdown_text import code, escaped, paragraph

RENDERER = MarkdownIt("gfm-like", {"html": True})
RENDERER.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
SIGNS = st.sampled_from(
    [*"\\`*_{}[]()#+.!|~$<>&=:;@-\"'% ab1é", "www.", "http://a.b", "&lt;", "- "]
)
TEXTS = st.lists(SIGNS, min_size=1, max_size=9).map("".join).filter(str.strip)


def shown(markdown: str, around: str) -> str:
    """The text that the renderer shows inside of these elements, of which it makes no others."""
    page = RENDERER.render(markdown).strip()
    found = re.fullmatch(f"(?s){around}", page)
    assert found, page
    assert "<" not in found[1], page
    return html.unescape(found[1])


@given(TEXTS)
@example("a`b`")
@example("__init__")
@example("1. one")
@example("+ one")
@example("# Title #")
@example("&lt;b>")
def test_text_is_given_back_wherever_it_stands(text: str) -> None:
    assert shown(paragraph(text), "<p>(.*)</p>") == text.strip()
    assert shown(f"# {escaped(text)}", "<h1>(.*)</h1>") == text.strip()
    table = f"| a | b |\n| --- | --- |\n| {escaped(text)} | x |"
    cells = r".*<td>(.*)</td>\n<td>x</td>\n</tr>\n</tbody>\n</table>"
    assert shown(table, cells) == text.strip()
    link = shown(f"[{escaped(text)}](./x)", '<p><a href="./x">(.*)</a></p>')
    assert link.strip() == text.strip()


@given(TEXTS)
def test_code_is_given_back(text: str) -> None:
    assert shown(code(text), "<p><code>(.*)</code></p>").strip() == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "76.0 ± 1.7", "OGM-GE", "p (Holm)", "<0.001", "+2.3", "a & b", "best-on-test", "ogm_ge",
        "Boost + OGM-GE", "its 95 % interval: 37.3 to 43.9", "data/ravdess.npz", "#2 of = {3}!",
    ],
)  # fmt: skip
def test_what_is_no_markup_stands_as_it_is(text: str) -> None:
    assert escaped(text) == text
