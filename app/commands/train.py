"""`asgml train` and `demo`: start a trainer, then show it, wait for it, or leave it."""

from __future__ import annotations

from pathlib import Path

from asgml.app.arguments import LaunchMode, TrainArguments
from asgml.app.commands.schedule import load_schedule, write_schedule
from asgml.app.configure import build_to_train
from asgml.app.draft import Draft
from asgml.app.errors import (
    INTERRUPTED,
    OK,
    NotFoundError,
    UserError,
    exit_code_of,
    narrate,
)
from asgml.app.follow import start_failure, wait_for_end, wait_until_up
from asgml.app.launcher import Trainer, start
from asgml.app.lookup import find, open_run
from asgml.app.new_run import make_run
from asgml.app.output import in_terminal
from asgml.app.plans.data_modalities import refuse_unfit
from asgml.app.preferences import runs_directory
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import ENDED_BADLY, ENDED_WELL
from asgml.storage.read.remedies import remedy_of


def train(
    arguments: TrainArguments,
    name: str | None,
    runs: Path | None,
    mode: LaunchMode,
    schedule_from: str | None = None,
) -> int:
    """Make a run and train it in the background. stdout is the run's path."""
    refuse_both(mode)
    draft = build_to_train(arguments)
    _find_references(draft, runs)
    for key in draft.idle():
        narrate(f"note: {draft.origins[key]} has no effect with method {draft.config().method}")
    config = draft.config()
    refuse_unfit(config)
    schedule = load_schedule(schedule_from, runs, config) if schedule_from is not None else None
    paths = make_run(config.model_dump(), runs_directory(runs), name)
    if schedule is not None:
        write_schedule(paths, schedule)
    return follow(start(paths), mode)


def _find_references(draft: Draft, runs: Path | None) -> None:
    """Put the absolute path of each reference in place of its name. Raise NotFoundError."""
    for key in [key for key in draft.values if key.startswith("references.")]:
        try:
            draft.values[key] = str(find(str(draft.values[key]), runs).root.resolve())
        except NotFoundError as error:
            raise NotFoundError(f"{key} ({draft.origins[key]}): {error}") from None


def refuse_both(mode: LaunchMode) -> None:
    """Raise UserError for two ways to use the terminal."""
    if mode.detach and mode.wait:
        raise UserError(
            "--detach and --wait: expected one of them; "
            "--detach leaves the training alone, --wait stays to its end"
        )


def follow(trainer: Trainer, mode: LaunchMode) -> int:
    """Print the run's path, and leave the trainer, wait for it or show it. Return the exit code."""
    if mode.detach:
        return _detach(trainer)
    if mode.wait or not in_terminal():
        return _wait(trainer)
    return _show_dashboard(trainer, mode)


def _detach(trainer: Trainer) -> int:
    try:
        wait_until_up(trainer)
    except KeyboardInterrupt:
        print(trainer.paths.root, flush=True)
        return _leave(trainer)
    print(trainer.paths.root, flush=True)
    narrate(f"training in the background; `asgml watch {trainer.paths.name}` shows it")
    return OK


def _wait(trainer: Trainer) -> int:
    up = False
    try:
        narrate(f"{trainer.paths.name}: starting the trainer (process {trainer.pid})")
        wait_until_up(trainer)
        up = True
        print(trainer.paths.root, flush=True)
        state = wait_for_end(trainer)
    except KeyboardInterrupt:
        if not up:
            print(trainer.paths.root, flush=True)
        return _leave(trainer)
    narrate(f"{trainer.paths.name} {state}; {_next(trainer.paths, state)}")
    return exit_code_of(state)


def _next(paths: RunPaths, state: str) -> str:
    """Return what to do after a training that has ended in this state."""
    sums_up = f"`asgml show {paths.name}` sums it up"
    return sums_up if state in ENDED_WELL else f"{sums_up}; {remedy_of(open_run(paths), state)}"


def _show_dashboard(trainer: Trainer, mode: LaunchMode) -> int:
    from asgml.app.commands.screen_options import open_dashboard

    paths = trainer.paths
    code = open_dashboard(paths.root, paths.root.parent, paths.name, ascii=mode.ascii)
    run = open_run(paths)
    failed = run.manifest is None and trainer.exit_code() is not None
    failure = start_failure(trainer) if failed else None
    if paths.root.exists():
        print(paths.root, flush=True)
    if failure is not None:
        raise failure
    if run.state() in ENDED_BADLY:
        narrate(f"{paths.name} {run.state()}; what the trainer said is in {paths.trainer_log}")
        narrate(remedy_of(run))
        return exit_code_of(run.state())
    return code


def _leave(trainer: Trainer) -> int:
    name = trainer.paths.name
    narrate(
        f"left; {name} goes on training: `asgml watch {name}` shows it, "
        f"`asgml ctl {name} stop` stops it"
    )
    return INTERRUPTED
