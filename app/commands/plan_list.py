"""`asgml ablate` without a plan: list the plans that are shipped."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from asgml.app.errors import OK
from asgml.app.output import console, print_json
from asgml.app.plans.plan_file import plan_summaries
from asgml.storage.format.safe_text import safe


def list_plans(json_: bool) -> int:
    """Print name and purpose of each."""
    summaries = plan_summaries()
    if json_:
        print_json([{"name": name, "summary": text} for name, text in summaries.items()])
        return OK
    table = Table("plan", "purpose", box=None, pad_edge=False)
    for name, text in summaries.items():
        table.add_row(Text(name), Text(safe(text)))
    console().print(table)
    return OK
