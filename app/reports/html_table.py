"""The tables of the page: the numbers, and every run with the command that repeats it."""

from __future__ import annotations

from asgml.app.reports.content import Cell, Part, Row
from asgml.app.reports.equal_settings import equal_text, what_is_told
from asgml.app.reports.markup import Html, element, relative_link
from asgml.app.reports.tables import Entry, Table, TableRow
from asgml.app.reports.wording import asgml_text, commit_text, settings_text, state_text

RUNS = ("run", "row", "seed", "state", "value", "settings", "asgml", "commit", "again")


def numbers(table: Table, better: str) -> Html:
    """Return the table of results; a heading sorts by its column."""
    body = (_row(table, row, better) for row in table.rows)
    content = element(
        "table",
        _head(("row", *table.columns)),
        element("tbody", *body),
    )
    notes = element("ul", *(element("li", note) for note in table.notes), class_="notes")
    heading = element("p", table.heading, class_="heading")
    return element("div", heading, element("div", content, class_="wide"), notes)


def runs(part: Part) -> Html:
    """Return the table of all runs, with what is equal in them above it."""
    same = element("code", equal_text(part))
    body = (_run(row, cell) for row in part.rows for cell in row.cells)
    content = element("table", _head(RUNS), element("tbody", *body), class_="runs")
    others = f" {part.other_runs} other runs lie in the folder." if part.other_runs else ""
    return element(
        "div",
        element("div", content, class_="wide"),
        element("details", element("summary", f"{what_is_told(part)}.{others}"), same),
    )


def _head(names: tuple[str, ...]) -> Html:
    buttons = (
        element("th", element("button", name, type="button"), scope="col", aria_sort="none")
        for name in names
    )
    return element("thead", element("tr", *buttons))


def _row(table: Table, row: TableRow, better: str) -> Html:
    kind = " ".join(
        word for word, holds in (("best", row.best), ("baseline", row.baseline)) if holds
    )
    cells = (
        _number(name, entry, row, better)
        for name, entry in zip(table.columns, row.entries, strict=True)
    )
    label = element("th", row.label + row.marks, scope="row")
    return element("tr", label, *cells, class_=kind or None)


def _number(name: str, entry: Entry, row: TableRow, better: str) -> Html:
    value = None if entry.value is None else repr(entry.value)
    kind = "mean" if name.startswith("mean") else _side(row, better) if name == "difference" else ""
    return element("td", entry.text, class_=kind or None, data_v=value)


def _side(row: TableRow, better: str) -> str:
    """Return the class of a difference whose interval excludes zero."""
    if row.seen == 0:
        return ""
    return "better" if (row.seen > 0) == (better != "low") else "worse"


def _run(row: Row, cell: Cell) -> Html:
    name = cell.run or "–"
    value = cell.values.get("metric")
    return element(
        "tr",
        element("td", element("a", name, href=relative_link(cell.link)) if cell.link else name),
        element("td", row.label),
        element("td", str(cell.seed), data_v=str(cell.seed)),
        element("td", state_text(cell), class_="none" if cell.why else None),
        element(
            "td",
            "–" if value is None else f"{value:.4f}",
            data_v=None if value is None else repr(value),
        ),
        element("td", element("code", settings_text(row.settings) or "–"), class_="command"),
        element("td", asgml_text(cell)),
        element("td", element("code", commit_text(cell))),
        element("td", element("code", cell.command or "–"), class_="command"),
    )
