"""`asgml ablate`: train every row of a plan with every seed, and print the table."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from asgml.app.commands.plan_table import (
    print_cells,
    print_plan_json,
    print_table,
    table_of_folder,
)
from asgml.app.errors import INTERRUPTED, OK, UserError, narrate
from asgml.app.plan_arguments import PlanArguments
from asgml.app.plans.cell_status import OPEN, PlanProgress
from asgml.app.plans.cells import ResolvedPlan
from asgml.app.plans.launchers import LocalLauncher
from asgml.app.plans.names import slug
from asgml.app.plans.plan_file import read_plan
from asgml.app.plans.progress_view import progress_view
from asgml.app.plans.resolution import check_data, resolve_rows
from asgml.app.plans.resources import cores, share_of
from asgml.app.plans.row_settings import Overrides, RowSettings
from asgml.app.plans.scheduler import PlanOutcome, inspect_plan, run_plan
from asgml.app.plans.selection import rows_needed, runs_of_rows, slow_modules
from asgml.app.plans.tuning import trials_of, tune
from asgml.app.preferences import runs_directory
from asgml.storage.format.layout import is_run


def ablate(ref: str, given: PlanArguments, runs: Path | None, json_: bool) -> int:
    """Train what a plan lacks; print its table."""
    rows = RowSettings(read_plan(ref), overrides(given))
    untuned = resolve_rows(rows)
    check_data(untuned)
    folder = plan_folder(untuned, given.name, runs)
    runs_of_rows(untuned, given.only or ())
    if given.dry_run:
        return _dry_run(rows, folder, given, json_)
    outcome = _train(rows, untuned, folder, given)
    if outcome is None:
        return INTERRUPTED
    table = table_of_folder(folder, outcome.record)
    if json_:
        print_plan_json(table, outcome.progress, folder)
    else:
        print_table(table)
    return outcome.exit_code


def overrides(given: PlanArguments) -> Overrides:
    """Return what the command line gives in place of the plan's own. Raise UserError."""
    seeds = parse_seeds(given.seeds) if given.seeds is not None else None
    return Overrides(given.recipe, given.data, seeds, tuple(given.sets or ()), given.epochs)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return `5` as the seeds 0 to 4, `0,3,7` as these. Raise UserError."""
    try:
        numbers = [int(part) for part in text.removesuffix(",").split(",")]
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
    rows: RowSettings, untuned: ResolvedPlan, folder: Path, given: PlanArguments
) -> PlanOutcome | None:
    """Tune the rows where the plan says so, then train them; return None where the user left."""
    share = share_of(parse_jobs(given.jobs))
    if share.jobs > max(cores(), len(share.gpus)):
        narrate(f"note: {share.jobs} trainers at a time on {cores()} cores")
    launcher = LocalLauncher(share, slow_modules(untuned))
    chosen = rows_needed(untuned, given.only or ())
    try:
        with progress_view() as show:

            def train(plan: ResolvedPlan, wanted: Collection[str] | None = None) -> PlanOutcome:
                return run_plan(
                    plan,
                    folder,
                    jobs=share.jobs,
                    launcher=launcher,
                    on_change=show,
                    wanted=wanted,
                    retry_failed=given.retry_failed,
                )

            def train_trials(trials: ResolvedPlan) -> PlanProgress:
                wanted = trials_of(trials, chosen)
                found = inspect_plan(trials, folder, wanted)
                return train(trials, wanted).progress if found.count(*OPEN) else found

            plan = tuned_plan(rows, train_trials)
            return train(plan, runs_of_rows(plan, given.only or ()))
    except KeyboardInterrupt:
        narrate(
            f"left; the trainers at work go on. The same command continues {untuned.name}, and "
            f"`asgml runs --runs {folder}` lists its runs"
        )
        return None
    finally:
        launcher.close()


def tuned_plan(rows: RowSettings, train: Callable[[ResolvedPlan], PlanProgress]) -> ResolvedPlan:
    """Return the plan with what its tuning chooses; `train` trains the trials."""

    def results(trials: ResolvedPlan) -> dict[str, float]:
        statuses = train(trials).statuses
        return {name: one.value for name, one in statuses.items() if one.state == "finished"}

    return resolve_rows(RowSettings(rows.plan, rows.given, tune(rows, results)))


def parse_jobs(text: str) -> int | None:
    """Return the number of trainers at a time, None for `auto`. Raise UserError."""
    if text == "auto":
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise UserError(f"--jobs {text!r}: expected a number from 1, or auto")
    return int(text)


def _dry_run(rows: RowSettings, folder: Path, given: PlanArguments, json_: bool) -> int:
    """Print the cells, with the tuning as far as it has come."""
    chosen = rows_needed(resolve_rows(rows), given.only or ())
    trials: list[PlanProgress] = []

    def look(plan: ResolvedPlan) -> PlanProgress:
        trials.append(inspect_plan(plan, folder, trials_of(plan, chosen)))
        return trials[-1]

    plan = tuned_plan(rows, look)
    progress = inspect_plan(plan, folder, runs_of_rows(plan, given.only or ()))
    if json_:
        print_plan_json(table_of_folder(folder, plan.record()), progress, folder)
        return OK
    print_cells(progress)
    every = sum(len(one.statuses) - one.count("left out") for one in trials)
    done = sum(one.count("finished") for one in trials)
    if every:
        narrate(f"before them {every} trials of the tuning, of which {done} are finished")
    narrate(f"nothing was trained; the runs lie in {folder}")
    return OK
