"""The folder of a report: the files of each form, each written whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asgml.app.errors import UserError
from asgml.app.reports.content import Report
from asgml.app.reports.json_file import FILE, report_text

if TYPE_CHECKING:
    from asgml.app.reports.figures.gallery import Picture

FORMS = ("md", "latex", "json", "html", "figures")
NO_FIGURES = "without figures: they need matplotlib, `pip install 'asgml[figures]'`"


def write_report(report: Report, out: Path, forms: Sequence[str]) -> tuple[list[Path], str]:
    """Write these forms into a folder; return the files, and why there are no figures, or "".

    Raise UserError where the folder cannot be written to.
    """
    pictures, missing = _pictures(report, forms)
    files = pictures if "figures" in forms else []
    contents = _figure_files(files)
    for form in forms:
        shown = files if form == "md" else pictures  # a page holds its own, Markdown links to files
        name, text = _text(form, report, shown, missing)
        if name:
            contents[name] = text.encode()
    try:
        return [_write(out / name, contents[name]) for name in contents], missing
    except OSError as error:
        raise UserError(f"{out}: {error.strerror}; give another --out") from None


def _pictures(report: Report, forms: Sequence[str]) -> tuple[list[Picture], str]:
    if not {"figures", "html"} & set(forms):
        return [], ""
    from asgml.app.reports.figures.gallery import KINDS, pictures_of

    try:
        return pictures_of(report, KINDS if "figures" in forms else ("svg",)), ""
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        return [], NO_FIGURES


def _figure_files(pictures: Sequence[Picture]) -> dict[str, bytes]:
    return {
        f"figures/{picture.name}.{kind}": content
        for picture in pictures
        for kind, content in picture.files.items()
    }


def _text(form: str, report: Report, pictures: Sequence[Picture], missing: str) -> tuple[str, str]:
    """Return name and text of one form; "" for the figures, which are no text."""
    if form == "json":
        return FILE, report_text(report)
    if form == "latex":
        from asgml.app.reports.latex import latex

        return "tables.tex", latex(report)
    if form == "md":
        from asgml.app.reports.markdown import markdown

        return "report.md", markdown(report, pictures)
    if form == "html":
        from asgml.app.reports.html import html_page

        return "report.html", html_page(report, pictures, missing)
    return "", ""


def _write(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)
    return path
