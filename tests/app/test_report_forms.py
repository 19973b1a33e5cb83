"""The forms of a report: the same bytes for the same data, and no text that is more than text."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from report_kit import HOSTILE, missing, part, report, row

from asgml.app.reports.content import Report
from asgml.app.reports.figures import gallery
from asgml.app.reports.figures.gallery import pictures_of
from asgml.app.reports.folder import NO_FIGURES, write_report
from asgml.app.reports.html import html_page
from asgml.app.reports.json_file import read_report, report_text
from asgml.app.reports.latex import WORDS, latex
from asgml.app.reports.latex import escaped as latex_escaped
from asgml.app.reports.markdown import markdown
from asgml.app.reports.tables import table_of

HERE = Path(__file__).resolve().parent
TEXTS = ("md", "latex", "json", "html")
WRITE = (
    f"import sys; sys.path.insert(0, {str(HERE)!r}); from pathlib import Path; "
    "from report_kit import report; from asgml.app.reports.folder import FORMS, write_report; "
    "from asgml.app.reports.figures import gallery; "
    "[gallery.FIGURES.pop(name) for name in ('differences', 'gap', 'gain', 'boost')]; "
    "write_report(report(), Path(sys.argv[1]), FORMS)"
)


def hostile() -> Report:
    """A report in which every text from outside is hostile."""
    rows = [row("Baseline", 0.62, settings={HOSTILE: HOSTILE}), row(HOSTILE, 0.71)]
    cells = tuple(
        replace(one, run=HOSTILE, link="../" + HOSTILE, commit=HOSTILE, command=HOSTILE)
        for one in rows[1].cells
    )
    rows[1] = replace(rows[1], cells=(*cells, missing(9, HOSTILE)))
    given = part(rows, name=HOSTILE, title=HOSTILE, data=HOSTILE, source=HOSTILE, seeds=(0, 9))
    return report(replace(given, same={HOSTILE: HOSTILE}, changed=(HOSTILE,)))


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        arguments = [sys.executable, "-P", "-c", WRITE, str(tmp_path / seed)]
        subprocess.run(arguments, check=True, env=environment, timeout=200)
    first, second = digests(tmp_path / "1"), digests(tmp_path / "2")
    assert first == second
    kinds = {"report.html", "report.md", "tables.tex", "report.json"}
    figures = {f"figures/learning.{kind}" for kind in ("svg", "png", "pdf")}
    assert set(first) > kinds | figures


def few(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Draw these figures alone, for the time that all take."""
    monkeypatch.setattr(gallery, "FIGURES", {name: gallery.FIGURES[name] for name in names})


def test_the_data_gives_every_form_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, "gap")
    boost = row("Boost", 0.71, range(4), settings={"method": "boost", "a": [1, 2.0, True, None]})
    rows = [row("Baseline", 0.62), replace(boost, cells=(*boost.cells, missing(4)))]
    write_report(report(part(rows)), tmp_path / "one", TEXTS)
    write_report(read_report(tmp_path / "one" / "report.json"), tmp_path / "two", TEXTS)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_the_data_has_every_value_and_no_nan() -> None:
    record = json.loads(report_text(report()), parse_constant=pytest.fail)
    cells = record["parts"][0]["rows"][2]["cells"]
    expected = [one.values for one in part().rows[2].cells]
    assert [one["values"] for one in cells] == expected
    assert {"seed", "digest", "protocol", "versions", "commit", "command"} <= cells[0].keys()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"format": "x", "parts": []}', b'{"parts": [{"name": 1}]}']
)
def test_what_is_no_report_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    from asgml.app.errors import UserError

    file = tmp_path / "report.json"
    file.write_bytes(content)
    with pytest.raises(UserError) as refused:
        read_report(file)
    assert "\n" not in str(refused.value) and str(file) in str(refused.value)


class Page(HTMLParser):
    """The elements of a page, with the texts of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@functools.cache
def plain_page() -> str:
    return html_page(report(), pictures_of(report(), ("svg",)))


@functools.cache
def hostile_page() -> str:
    return html_page(hostile(), pictures_of(hostile(), ("svg",)))


def test_the_page_loads_nothing_and_leads_nowhere_but_into_folders() -> None:
    page = Page(plain_page())
    assert {"svg", "table", "script", "style"} <= {tag for tag, _ in page.elements}
    for tag, attributes in page.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "image", "base")
        assert not {"src", "srcset", "data", "action", "formaction"} & set(attributes)
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "./"))
    text = plain_page()
    assert "http" not in text.replace("http-equiv", "") and "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    policy = next(a["content"] for t, a in page.elements if "http-equiv" in a and t == "meta")
    assert policy and policy.startswith("default-src 'none'")


def test_every_id_of_the_page_is_its_own_and_every_reference_has_one() -> None:
    page = Page(plain_page())
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) > 10
    text = plain_page()
    referenced = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    assert referenced and referenced <= set(ids)


def test_hostile_text_is_text_in_the_page() -> None:
    page, plain = Page(hostile_page()), Page(plain_page())
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements} | {"br"}
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "./").startswith(("./", "#"))
    assert "<script>alert" in page.text  # shown as it is
    assert "\x1b" not in page.text and "\u202e" not in page.text


def test_hostile_text_is_text_in_markdown() -> None:
    text = markdown(hostile(), [])
    page = Page(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(text))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img"}
    links = [a["href"] or "" for t, a in page.elements if t == "a"]
    assert links and all(link.startswith("./") for link in links)
    assert "<script>alert" in page.text and "\x1b" not in text
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = [re.sub(r"\\.", "", line).count("|") for line in block.splitlines()]
        assert len(set(rows)) == 1, "a text has made another column"


def bare_latex(text: str) -> str:
    """LaTeX without comments and without everything that the escapes write."""
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    for made in sorted(WORDS.values(), key=len, reverse=True):
        if made.startswith(("\\", "$")):
            lines = [line.replace(made, "") for line in lines]
    return "\n".join(lines)


def test_hostile_text_is_text_in_latex() -> None:
    text = latex(hostile())
    known = {
        "begin", "end", "centering", "caption", "label", "toprule", "midrule", "bottomrule",
        "par", "smallskip", "footnotesize", "textbf", "texttt", "small", "setlength", "tabcolsep",
    }  # fmt: skip
    bare = bare_latex(text)
    assert set(re.findall(r"\\([a-zA-Z]+)", bare)) <= known
    assert not set(bare) & set("$%#_^~")
    table = table_of(hostile().parts[0])
    for line in bare.splitlines():
        if line.endswith("\\\\"):
            assert line.count("&") == len(table.columns)
    plain = re.sub(r"\\[{}]", "", text)
    assert plain.count("{") == plain.count("}")


@pytest.mark.parametrize("char", [*map(chr, range(32, 127)), "é", "α", "中", "🙂", "±", "\x07"])
def test_every_character_is_escaped_alone_as_in_a_word(char: str) -> None:
    assert latex_escaped(f"a{char}b") == "a" + latex_escaped(char) + "b"
    assert latex_escaped(char) == char or latex_escaped(char)[0] in "\\$-"
    assert latex_escaped(char) not in tuple("\\{}$&#%_^~")


def test_hostile_text_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, "learning", "spectrum")
    names = [picture.name for picture in pictures_of(hostile(), ("png", "pdf"))]
    assert names == ["learning", "spectrum"]


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    yield


@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_all_else_is_written_and_it_says_so(tmp_path: Path) -> None:
    files, missing_line = write_report(report(), tmp_path, (*TEXTS, "figures"))
    assert {path.name for path in files} == {
        "report.html", "report.md", "tables.tex", "report.json",
    }  # fmt: skip
    assert missing_line == NO_FIGURES and "asgml[figures]" in missing_line
    assert "asgml[figures]" in (tmp_path / "report.html").read_text(encoding="utf-8")
