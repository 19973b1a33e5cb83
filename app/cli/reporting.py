"""The command that makes a report of many runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asgml.app.arguments import RunsDirectory

reporting_app = typer.Typer()


@reporting_app.command()
def report(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="DIR|PLAN…",
            help="A folder of runs, a plan by its name or file, or a report.json; several are "
            "compared: from four data sets on by their ranks.",
            show_default=False,
        ),
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="FORMS", help="Forms to write, joined by commas.")
    ] = "md,latex,json,html,figures",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder to write to [default: report, in the folder of runs]",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            metavar="M",
            help="Metric that the tables are about [default: that of the plan]",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="LABEL",
            help="Row that the others are compared with [default: that of the plan]",
            show_default=False,
        ),
    ] = None,
    charts: Annotated[
        bool, typer.Option("--charts/--no-charts", help="Draw learning curves in the terminal.")
    ] = True,
    runs: RunsDirectory = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the JSON of the report.")] = False,
) -> int:
    """Write a report of many runs: page, tables, figures, data.

    The verdict, the table with intervals and paired tests, figures, the checklist of reliability,
    and every run with its settings, versions and the command that repeats it. The same runs give
    the same bytes; `asgml report report.json` makes it anew without the runs.
    """
    from asgml.app.commands.report import report

    return report(what, to, out, metric or "", baseline or "", runs, json_, charts)
