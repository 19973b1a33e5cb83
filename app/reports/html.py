"""`report.html`: one page that needs no server, no network and no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from asgml.app.reports.checklist import checklist_of
from asgml.app.reports.content import Part, Report
from asgml.app.reports.figures.gallery import WHOLE, Picture
from asgml.app.reports.figures.inline import inline_svg
from asgml.app.reports.html_table import numbers, runs
from asgml.app.reports.markup import Html, element, join
from asgml.app.reports.ranking import ranking_text
from asgml.app.reports.tables import table_of
from asgml.app.reports.verdict import verdict_of
from asgml.storage.format.safe_text import safe


def html_page(report: Report, pictures: Sequence[Picture], missing: str = "") -> str:
    """Return the page. `missing`: the line that says why there are no pictures."""
    style, script = Html(_resource("page.css")), Html(_resource("page.js"))
    title = " · ".join(part.title for part in report.parts)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        _policy(style, script),
        element("title", title),
        element("style", style),
    )
    body = element(
        "body",
        _whole(report, pictures),
        *(_part(part, _of(pictures, index), missing) for index, part in enumerate(report.parts)),
        element("footer", f"Made by asgml {report.program} from the runs that it names."),
        element("script", script),
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _policy(style: str, script: str) -> Html:
    """Return the rule by which a browser loads nothing, and runs no script but the page's own."""
    sources = f"style-src 'unsafe-inline'; script-src '{_digest(script)}'"
    rule = f"default-src 'none'; {sources}; img-src data:; base-uri 'none'; form-action 'none'"
    return element("meta", http_equiv="Content-Security-Policy", content=rule)


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _resource(name: str) -> str:
    return files("asgml.app.reports").joinpath(name).read_text(encoding="utf-8")


def _of(pictures: Sequence[Picture], part: int) -> list[Picture]:
    return [picture for picture in pictures if picture.part == part]


def _whole(report: Report, pictures: Sequence[Picture]) -> Html:
    """Return what is said of all parts together, "" for a single one."""
    said = ranking_text(report)
    if not said:
        return Html("")
    names = " · ".join(part.title for part in report.parts)
    return element(
        "section",
        element("h1", "Ranking"),
        element("p", names, class_="about"),
        element("div", element("p", said), class_="verdict"),
        *map(_figure, _of(pictures, WHOLE)),
    )


def _part(part: Part, pictures: Sequence[Picture], missing: str) -> Html:
    verdict = (element("p", sentence) for sentence in verdict_of(part))
    plan = element("details", element("summary", "The plan"), element("pre", _code(part.source)))
    return element(
        "section",
        element("h1", part.title),
        element("p", f"{part.name} · data {part.data}", class_="about"),
        element("div", *verdict, class_="verdict"),
        element("h2", "Results"),
        numbers(table_of(part), part.better),
        element("h2", "Figures"),
        *(map(_figure, pictures) if pictures else [element("p", missing, class_="about")]),
        element("h2", "Checklist of reliability"),
        _checklist(part),
        element("h2", "Runs"),
        runs(part),
        plan if part.source else "",
    )


def _figure(picture: Picture) -> Html:
    svg = inline_svg(picture.files["svg"], picture.name, picture.caption)
    return element("figure", svg, element("figcaption", picture.caption))


def _checklist(part: Part) -> Html:
    lines = [
        element(
            "li",
            element("b", item.name),
            f": {item.found}.",
            element("span", f"To do: {item.remedy}.", class_="todo") if item.remedy else "",
            class_="done" if item.done else "open",
        )
        for item in checklist_of(part)
    ]
    return element("ul", *lines, class_="checks")


def _code(source: str) -> Html:
    return join(*(Html("\n") if i % 2 else line for i, line in enumerate(_lines(source))))


def _lines(source: str) -> list[str]:
    """Return the lines of a text, with an empty place between two."""
    found: list[str] = []
    for line in source.splitlines():
        found += [safe(line), ""]
    return found
