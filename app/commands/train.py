"""`asgml train`, `demo` and `resume`: start a trainer, then show it, wait for it, or leave it."""

from __future__ import annotations

from pathlib import Path

from asgml.app.arguments import LaunchMode, TrainArguments
from asgml.app.commands.schedule import load_schedule, write_schedule
from asgml.app.configure import build_to_train
from asgml.app.draft import Draft
from asgml.app.errors import (
    FAILED,
    INTERRUPTED,
    OK,
    NotFoundError,
    RejectedError,
    UserError,
    narrate,
)
from asgml.app.follow import start_failure, wait_for_end, wait_until_up
from asgml.app.launcher import Trainer, start
from asgml.app.lookup import find, open_run
from asgml.app.new_run import make_run
from asgml.app.output import in_terminal
from asgml.app.settings import runs_directory
from asgml.storage.format.status import ALIVE, ENDED_BADLY, ENDED_WELL
from asgml.storage.read.run_config import config_problem


def train(
    arguments: TrainArguments,
    name: str | None,
    runs: Path | None,
    mode: LaunchMode,
    schedule_from: str | None = None,
) -> int:
    """Make a run and train it in the background. stdout is the run's path."""
    _refuse_both(mode)
    draft = build_to_train(arguments)
    _find_references(draft, runs)
    for key in draft.idle():
        narrate(f"note: {draft.origins[key]} has no effect with method {draft.config().method}")
    config = draft.config()
    schedule = load_schedule(schedule_from, runs, config) if schedule_from is not None else None
    paths = make_run(config.model_dump(), runs_directory(runs), name)
    if schedule is not None:
        write_schedule(paths, schedule)
    return _follow(start(paths), mode)


def resume(run_ref: str, runs: Path | None, mode: LaunchMode) -> int:
    """Start a trainer on a run that has none, from the last checkpoint."""
    _refuse_both(mode)
    paths = find(run_ref, runs)
    run = open_run(paths)
    state = run.state()
    problem = config_problem(paths, run.manifest)
    if problem:
        raise RejectedError(
            f"{paths.name}: {problem}; without it nothing can be trained: "
            "copy it again from where the run was recorded"
        )
    if not paths.config.is_file():
        raise RejectedError(
            f"{paths.name} was recorded by an external training loop; "
            "start that program again, with resume=True"
        )
    if state in ALIVE:
        raise RejectedError(
            f"{paths.name} is {state} already; look at it with `asgml watch {paths.name}`"
        )
    if state == "stale":
        raise RejectedError(
            f"{paths.name} has a trainer that gives no sign; "
            "make sure that it is dead before you resume"
        )
    if state == "finished":
        raise RejectedError(
            f"{paths.name} is finished, there is nothing left to train; "
            f"start a new run with `asgml train {paths.config}`"
        )
    return _follow(start(paths, resume=True), mode)


def _find_references(draft: Draft, runs: Path | None) -> None:
    """Put the absolute path of each reference in place of its name. Raise NotFoundError."""
    for key in [key for key in draft.values if key.startswith("references.")]:
        try:
            draft.values[key] = str(find(str(draft.values[key]), runs).root.resolve())
        except NotFoundError as error:
            raise NotFoundError(f"{key} ({draft.origins[key]}): {error}") from None


def _refuse_both(mode: LaunchMode) -> None:
    if mode.detach and mode.wait:
        raise UserError(
            "--detach and --wait: expected one of them; "
            "--detach leaves the training alone, --wait stays to its end"
        )


def _follow(trainer: Trainer, mode: LaunchMode) -> int:
    if mode.detach:
        return _detach(trainer)
    if mode.wait or not in_terminal():
        return _wait(trainer)
    return _show_dashboard(trainer, mode)


def _detach(trainer: Trainer) -> int:
    print(trainer.paths.root, flush=True)
    try:
        wait_until_up(trainer)
    except KeyboardInterrupt:
        return _leave(trainer)
    narrate(f"training in the background; `asgml watch {trainer.paths.name}` shows it")
    return OK


def _wait(trainer: Trainer) -> int:
    print(trainer.paths.root, flush=True)
    try:
        narrate(f"{trainer.paths.name}: starting the trainer (process {trainer.pid})")
        wait_until_up(trainer)
        state = wait_for_end(trainer)
    except KeyboardInterrupt:
        return _leave(trainer)
    narrate(f"{trainer.paths.name} {state}; `asgml show {trainer.paths.name}` sums it up")
    return OK if state in ENDED_WELL else FAILED


def _show_dashboard(trainer: Trainer, mode: LaunchMode) -> int:
    from asgml.app.settings import load_settings
    from asgml.tui.app import run_dashboard

    paths = trainer.paths
    code = run_dashboard(
        paths.root, paths.root.parent, clock="live", ascii=mode.ascii or load_settings().ascii
    )
    print(paths.root, flush=True)
    run = open_run(paths)
    if run.manifest is None and trainer.exit_code() is not None:
        raise start_failure(trainer)
    if run.state() in ENDED_BADLY:
        narrate(f"{paths.name} {run.state()}; what the trainer said is in {paths.trainer_log}")
        return FAILED
    return code


def _leave(trainer: Trainer) -> int:
    name = trainer.paths.name
    narrate(
        f"left; {name} goes on training: `asgml watch {name}` shows it, "
        f"`asgml ctl {name} stop` stops it"
    )
    return INTERRUPTED
