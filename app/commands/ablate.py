"""`asgml ablate`: train every row of a plan with every seed, and print the table."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from asgml.app.commands.plan_table import (
    print_cells,
    print_plan_json,
    print_table,
    table_of_folder,
)
from asgml.app.errors import FAILED, INTERRUPTED, OK, UserError, narrate
from asgml.app.output import console, print_json
from asgml.app.plan_arguments import PlanArguments
from asgml.app.plans.cell_status import PlanProgress
from asgml.app.plans.cells import ResolvedPlan
from asgml.app.plans.launchers import LocalLauncher
from asgml.app.plans.names import slug
from asgml.app.plans.plan_file import plan_summaries, read_plan
from asgml.app.plans.progress_view import progress_view
from asgml.app.plans.resolution import check_data, resolve
from asgml.app.plans.resources import cores, share_of
from asgml.app.plans.row_settings import Overrides
from asgml.app.plans.scheduler import PlanOutcome, inspect_plan, run_plan
from asgml.app.plans.selection import runs_of_rows, slow_modules
from asgml.app.settings import runs_directory
from asgml.storage.format.layout import is_run
from asgml.storage.format.safe_text import safe


def ablate(ref: str | None, given: PlanArguments, runs: Path | None, json_: bool) -> int:
    """Train what a plan lacks; print its table. Without a plan, list those that are shipped."""
    if ref is None:
        return _list_plans(json_)
    plan = resolve(read_plan(ref), overrides(given))
    check_data(plan)
    folder = plan_folder(plan, given.name, runs)
    wanted = runs_of_rows(plan, given.only or ())
    if given.dry_run:
        return _print_dry(inspect_plan(plan, folder, wanted), folder, json_)
    outcome = _train(plan, folder, wanted, given)
    if outcome is None:
        return INTERRUPTED
    table = table_of_folder(folder, outcome.record)
    if json_:
        print_plan_json(table, outcome.progress, folder)
    else:
        print_table(table)
    return OK if outcome.whole else FAILED


def overrides(given: PlanArguments) -> Overrides:
    """Return what the command line gives in place of the plan's own. Raise UserError."""
    seeds = parse_seeds(given.seeds) if given.seeds is not None else None
    return Overrides(given.recipe, given.data, seeds, tuple(given.sets or ()), given.epochs)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return `5` as the seeds 0 to 4, `0,3,7` as these. Raise UserError."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0 or max(numbers) >= 2**31 or len({*numbers}) < len(numbers):
        raise UserError(f"--seeds {text!r}: expected a number of seeds, or a list such as 0,3,7")
    if len(numbers) > 1 or "," in text:
        return tuple(numbers)
    if not 1 <= numbers[0] <= 1000:
        raise UserError(f"--seeds {text}: expected 1 to 1000 seeds; a single one is given as `7,`")
    return tuple(range(numbers[0]))


def plan_folder(plan: ResolvedPlan, name: str | None, runs: Path | None) -> Path:
    """Return the folder of a plan's runs. Raise UserError where a run has that name."""
    folder = runs_directory(runs) / (slug(plan.name) if name is None else name)
    if name is not None and (slug(name) != name.lower() or name.startswith(".")):
        raise UserError(f"--name {name!r}: expected letters, digits, `.`, `_` and single hyphens")
    if is_run(folder):
        raise UserError(f"{folder} is a run; give the plan another name with --name")
    return folder


def _train(
    plan: ResolvedPlan, folder: Path, wanted: frozenset[str], given: PlanArguments
) -> PlanOutcome | None:
    """Run the scheduler; return None where the user left it."""
    share = share_of(parse_jobs(given.jobs))
    if share.jobs > cores():
        narrate(f"note: {share.jobs} trainers at a time on {cores()} cores")
    launcher = LocalLauncher(share, slow_modules(plan))
    try:
        with progress_view() as show:
            return run_plan(
                plan,
                folder,
                jobs=share.jobs,
                launcher=launcher,
                on_change=show,
                wanted=wanted,
                retry_failed=given.retry_failed,
            )
    except KeyboardInterrupt:
        narrate(
            f"left; the trainers at work go on. The same command continues {plan.name}, and "
            f"`asgml runs --runs {folder}` lists its runs"
        )
        return None
    finally:
        launcher.close()


def parse_jobs(text: str) -> int | None:
    """Return the number of trainers at a time, None for `auto`. Raise UserError."""
    if text == "auto":
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise UserError(f"--jobs {text!r}: expected a number from 1, or auto")
    return int(text)


def _print_dry(progress: PlanProgress, folder: Path, json_: bool) -> int:
    if json_:
        print_plan_json(table_of_folder(folder, progress.plan.record()), progress, folder)
    else:
        print_cells(progress)
        narrate(f"nothing was trained; the runs lie in {folder}")
    return OK


def _list_plans(json_: bool) -> int:
    summaries = plan_summaries()
    if json_:
        print_json([{"name": name, "summary": text} for name, text in summaries.items()])
        return OK
    table = Table("plan", "purpose", box=None, pad_edge=False)
    for name, text in summaries.items():
        table.add_row(Text(name), Text(safe(text)))
    console().print(table)
    return OK
