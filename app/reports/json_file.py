"""`report.json`: a report as JSON, written in one order and read back with every type checked."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from asgml.app.errors import NotFoundError, UserError
from asgml.app.output import finite
from asgml.app.reports.content import FORMAT, VERSION, Report
from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError

FILE = "report.json"
MOST_BYTES = 256 << 20
"""Most bytes of a report that is read back: one of 50 rows has about 2 MB."""


def report_text(report: Report) -> str:
    """Return the report as JSON: keys sorted, no NaN, the same text for the same report."""
    record = finite(asdict(report))
    return json.dumps(record, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_report(path: Path) -> Report:
    """Return the report in a file. Raise UserError for anything else, NotFoundError for none."""
    try:
        content = read_bounded(path, MOST_BYTES)
    except FileNotFoundError:
        raise NotFoundError(f"no report in {path}; `asgml report DIR` makes one") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except FormatError as error:
        raise UserError(str(error)) from None
    try:
        report = TypeAdapter(Report).validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"{path} is no report: {place}: {first['msg']}") from None
    if report.format != FORMAT or report.version > VERSION:
        raise UserError(
            f"{path}: format {report.format!r:.40} {report.version}; "
            f"expected {FORMAT!r} up to {VERSION}"
        )
    return report
