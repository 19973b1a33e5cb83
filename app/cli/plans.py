"""The commands that train many runs from one plan."""

from __future__ import annotations

import typer

from asgml.app.arguments import AsJson, RunsDirectory, TrainArguments
from asgml.app.cli.expanded import expanded
from asgml.app.plan_arguments import Plan, PlanArguments
from asgml.app.sweep_arguments import SweepArguments

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
    if plan is None:
        from asgml.app.commands.plan_list import list_plans

        return list_plans(json_)
    from asgml.app.commands.ablate import ablate

    return ablate(plan, given, runs, json_)


@plans_app.command()
@expanded(without=("seed",))
def sweep(
    given: SweepArguments, train: TrainArguments, runs: RunsDirectory = None, json_: AsJson = False
) -> int:
    """Search settings of a training: --over optimizer.lr=1e-4..1e-1:log.

    Each trial is an ordinary run, chosen by validation; the test split is never read. The same
    command continues a sweep. Ctrl-C leaves the trainers at work.
    """
    from asgml.app.commands.sweep import sweep

    return sweep(train, given, runs, json_)
