"""The commands that train many runs from one plan."""

from __future__ import annotations

import typer

from asgml.app.arguments import AsJson, RunsDirectory
from asgml.app.cli.expanded import expanded
from asgml.app.plan_arguments import Plan, PlanArguments

plans_app = typer.Typer()


@plans_app.command()
@expanded()
def ablate(
    given: PlanArguments, plan: Plan = None, runs: RunsDirectory = None, json_: AsJson = False
) -> int:
    """Train every row of a plan with every seed, and print the table.

    What is finished is never trained twice: the same command continues an interrupted plan.
    Ctrl-C leaves the trainers at work.
    """
    from asgml.app.commands.ablate import ablate

    return ablate(plan, given, runs, json_)
