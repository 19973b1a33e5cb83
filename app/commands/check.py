"""`asgml check`: is a run whole? One line for each finding, with its remedy."""

from __future__ import annotations

from pathlib import Path

from asgml.app.errors import FAILED, OK, NotFoundError, narrate
from asgml.app.lookup import find
from asgml.app.output import print_json
from asgml.storage.format.layout import RunNotFoundError
from asgml.storage.format.safe_text import one_line, safe
from asgml.storage.read.check import Finding, check_run


def check(run_ref: str, runs: Path | None, json_: bool) -> int:
    """Print the findings of a run. Return OK for a whole one, FAILED for one with findings."""
    paths = find(run_ref, runs)
    try:
        findings = check_run(paths.root)
    except RunNotFoundError as error:  # removed since it was found
        raise NotFoundError(str(error)) from None
    if json_:
        print_json(
            {
                "path": str(paths.root),
                "name": paths.name,
                "whole": not findings,
                "findings": [vars(finding) for finding in findings],
            }
        )
    else:
        _print(paths.name, findings)
    return FAILED if findings else OK


def _print(name: str, findings: list[Finding]) -> None:
    if not findings:
        print(f"{safe(name)} is whole")
        return
    for finding in findings:
        print(one_line(f"{finding.problem}; {finding.remedy}"))
    count = len(findings)
    narrate(f"{name}: {count} finding" + ("s" if count > 1 else ""))
