"""The report of `asgml doctor`: each check with its remedy, as a table or as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from asgml.app.output import console, print_json
from asgml.storage.format.safe_text import safe


@dataclass(frozen=True)
class Check:
    """One finding. The program cannot do without what is `missing`; a `note` is good to know."""

    name: str
    status: Literal["ok", "note", "missing"]
    found: str
    remedy: str = ""


def print_checks(checks: list[Check], json_: bool) -> None:
    """Print every check, in the order given."""
    if json_:
        print_json([asdict(check) for check in checks])
    else:
        _print_table(checks)


def _print_table(checks: list[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    styles = {"ok": "green", "note": "yellow", "missing": "red"}
    table = Table("", "what", "found", "what to do", box=None, pad_edge=False)
    for check in checks:
        texts = (
            Text(safe(text), overflow="fold") for text in (check.name, check.found, check.remedy)
        )
        table.add_row(Text(check.status, styles[check.status]), *texts)
    console().print(table)
