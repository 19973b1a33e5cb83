"""`report.md`: the report in Markdown, every text from outside escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asgml.app.reports.checklist import checklist_of
from asgml.app.reports.content import Part, Report
from asgml.app.reports.equal_settings import equal_text, what_is_told
from asgml.app.reports.figures.gallery import WHOLE, Picture
from asgml.app.reports.markdown_text import code, escaped, paragraph
from asgml.app.reports.markup import relative_link
from asgml.app.reports.ranking import ranking_text
from asgml.app.reports.tables import Table, table_of
from asgml.app.reports.verdict import verdict_of
from asgml.app.reports.wording import asgml_text, commit_text, settings_text, state_text
from asgml.storage.format.safe_text import safe


def markdown(report: Report, pictures: Sequence[Picture]) -> str:
    """Return the report in Markdown. `pictures` lie beside it as SVG, in figures/."""
    lines: list[str] = []
    ranked = ranking_text(report)
    if ranked:
        lines += ["# Report", "", paragraph(ranked), "", *_images(pictures, WHOLE)]
    for index, part in enumerate(report.parts):
        lines += [*_part(part), *_images(pictures, index), *_tail(part)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _part(part: Part) -> Iterator[str]:
    yield from (f"# {escaped(part.title)}", "", paragraph(f"{part.name} on {part.data}"), "")
    yield from (paragraph(" ".join(verdict_of(part))), "")
    yield from _table(table_of(part))


def _table(table: Table) -> Iterator[str]:
    yield from (f"**{escaped(table.heading)}**", "")
    yield _cells(["row", *table.columns])
    yield _cells(["---", *["---:"] * len(table.columns)], plain=True)
    for row in table.rows:
        texts = [escaped(row.label + row.marks), *(escaped(entry.text) for entry in row.entries)]
        if row.best:
            texts[:2] = [f"**{text}**" for text in texts[:2]]
        yield _cells(texts, plain=True)
    yield ""
    for note in table.notes:
        yield from (paragraph(note), "")


def _images(pictures: Sequence[Picture], part: int) -> Iterator[str]:
    for picture in pictures:
        if picture.part == part:
            yield from (f"![{escaped(picture.name)}](figures/{picture.name}.svg)", "")
            yield from (paragraph(picture.caption), "")


def _tail(part: Part) -> Iterator[str]:
    yield from ("## Checklist of reliability", "")
    for item in checklist_of(part):
        remedy = f" To do: {item.remedy}." if not item.done and item.remedy else ""
        tick = "x" if item.done else " "
        yield f"- [{tick}] **{escaped(item.name)}**: {escaped(item.found + '.' + remedy)}"
    yield from ("", "## Runs", "", f"{what_is_told(part)}: {code(equal_text(part))}", "")
    yield _cells(["run", "row", "seed", "state", "settings", "asgml", "commit", "again"])
    yield _cells(["---"] * 8, plain=True)
    for row in part.rows:
        for cell in row.cells:
            name = escaped(cell.run or "–")
            yield _cells(
                [
                    f"[{name}]({relative_link(cell.link)})" if cell.link else name,
                    escaped(row.label),
                    str(cell.seed),
                    escaped(state_text(cell)),
                    code(settings_text(row.settings) or "–", table=True),
                    escaped(asgml_text(cell)),
                    escaped(commit_text(cell)),
                    code(cell.command or "–", table=True),
                ],
                plain=True,
            )
    yield ""
    if part.source:
        yield from ("## The plan", "", *("    " + safe(line) for line in part.source.splitlines()))
        yield ""


def _cells(texts: Sequence[str], plain: bool = False) -> str:
    return "| " + " | ".join(text if plain else escaped(text) for text in texts) + " |"
