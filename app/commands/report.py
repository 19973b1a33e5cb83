"""`asgml report`: tables, figures and one page from the runs of a plan or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from asgml.app.errors import UserError, narrate
from asgml.app.reports.content import Report
from asgml.app.reports.folder import FORMS, write_report
from asgml.app.reports.json_file import read_report, report_text

DEFAULT_OUT = "report"


def report(
    refs: Sequence[str],
    forms: str,
    out: Path | None,
    metric: str,
    baseline: str,
    runs: Path | None,
    json_: bool,
    charts: bool,
) -> int:
    """Write the report's folder; print the verdict, the table and the curves, or the JSON."""
    asked = _forms(forms)
    place, made = _report(refs, out, metric, baseline, runs)
    files, missing = write_report(made, place, asked)
    if json_:
        print(report_text(made), end="")
    else:
        from asgml.app.reports.terminal import print_report

        print_report(made, charts)
    narrate(f"wrote {len(files)} files to {place}" + (f", {missing}" if missing else ""))
    return 0


def _forms(given: str) -> list[str]:
    asked = [each.strip() for each in given.split(",") if each.strip()]
    unknown = [each for each in asked if each not in FORMS]
    if unknown or not asked:
        what = repr(unknown[0]) if unknown else "nothing"
        raise UserError(f"--to {what}: expected {','.join(FORMS)}, or some of them")
    return [form for form in FORMS if form in asked]


def _column(metric: str) -> str:
    """Return the column that a metric's name means, "" for none given. Raise UserError."""
    from asgml.app.plans.metric_names import metric_column

    try:
        return metric_column(metric) if metric else ""
    except ValueError as error:
        raise UserError(f"--metric: {error}") from None


def _report(
    refs: Sequence[str], out: Path | None, metric: str, baseline: str, runs: Path | None
) -> tuple[Path, Report]:
    """Return the folder to write to, and the report."""
    stored = [ref for ref in refs if ref.endswith(".json") and Path(ref).is_file()]
    if stored:
        if len(refs) > 1 or metric or baseline:
            raise UserError(f"{stored[0]} is a report already: give it alone, without options")
        return out or Path(stored[0]).parent, read_report(Path(stored[0]))
    from asgml.app.reports.sources import find_folder, parts_of

    metric = _column(metric)
    folders = [find_folder(ref, runs) for ref in refs]
    place = out or (folders[0] / DEFAULT_OUT if len(folders) == 1 else Path(DEFAULT_OUT))
    parts = [part for folder in folders for part in parts_of(folder, place, metric, baseline)]
    return place, Report(tuple(parts), version("asgml"))
