"""`asgml check`: is a run whole? One line for each finding, with its remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asgml.app.errors import FAILED, OK, DefectError, NotFoundError, narrate
from asgml.app.lookup import find
from asgml.app.output import print_json
from asgml.storage.format.layout import RunNotFoundError, RunPaths
from asgml.storage.format.safe_text import error_line, one_line, safe
from asgml.storage.read.check import Finding, check_run


def check(run_ref: str, runs: Path | None, json_: bool) -> int:
    """Print the findings of a run. Return OK for a whole one, FAILED for one with findings.

    Raise NotFoundError without a run, DefectError where the check itself fails.
    """
    paths = find(run_ref, runs)
    judged: dict[str, Any] = {"path": str(paths.root), "name": paths.name}
    try:
        findings = _findings(paths)
    except DefectError as error:
        error.record = {**judged, "whole": None, "findings": []}
        raise
    if json_:
        found = [vars(finding) for finding in findings]
        print_json({**judged, "whole": not findings, "findings": found})
    else:
        _print(paths.name, findings)
    return FAILED if findings else OK


def _findings(paths: RunPaths) -> list[Finding]:
    try:
        return check_run(paths.root)
    except RunNotFoundError as error:  # removed since it was found
        raise NotFoundError(str(error)) from None
    except Exception as error:  # whatever it is, it must not pass for findings
        raise DefectError(
            f"{paths.name}: the check itself failed ({error_line(error)}); "
            "nothing is known of the run: please report this"
        ) from error


def _print(name: str, findings: list[Finding]) -> None:
    if not findings:
        print(f"{safe(name)} is whole")
        return
    for finding in findings:
        print(one_line(f"{finding.problem}; {finding.remedy}"))
    count = len(findings)
    narrate(f"{name}: {count} finding" + ("s" if count > 1 else ""))
