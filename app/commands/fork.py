"""`asgml fork`: a new run that goes on from another run's training at a step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asgml.app.arguments import ForkArguments, LaunchMode
from asgml.app.commands.fork_settings import (
    changes_of,
    fork_settings,
    refuse_changes,
    settings_at,
)
from asgml.app.commands.schedule import load_schedule, write_schedule
from asgml.app.commands.train import follow, refuse_both
from asgml.app.errors import RejectedError, narrate
from asgml.app.launcher import start
from asgml.app.lookup import find, open_run
from asgml.app.new_run import make_run, write_whole
from asgml.app.preferences import runs_directory
from asgml.core.run.checkpoint_files import step_of, up_to
from asgml.storage.format.fork_record import Fork
from asgml.storage.read.reader import Run


def fork(run_ref: str, given: ForkArguments, runs: Path | None, mode: LaunchMode) -> int:
    """Make the run, say where it goes on from, and start its trainer."""
    refuse_both(mode)
    run = open_run(find(run_ref, runs))
    step = given.at
    _refuse_step(run, step)
    parent = settings_at(run, step)
    config = fork_settings(run, parent, given.sets or [], given.epochs)
    changes = changes_of(parent, config)
    refuse_changes(run.paths.name, changes, config, _ends_beside(run, step))
    _refuse_nothing_left(run, step, config.epochs)
    ref = given.schedule_from
    schedule = load_schedule(ref, runs, config, step) if ref is not None else None
    _narrate_way(run, step)
    name = run.paths.name
    paths = make_run(config.model_dump(), runs_directory(runs), given.name, f"{name}-fork")
    record = Fork(name, str(run.paths.root.resolve()), step, changes)
    write_whole(paths.fork, record.to_text())
    if schedule is not None:
        write_schedule(paths, schedule)
    return follow(start(paths), mode)


def _refuse_step(run: Run, step: int) -> None:
    """Raise RejectedError for a run that has no training at this step to go on from."""
    name, manifest = run.paths.name, run.manifest
    if manifest is None or run.head is None:
        raise RejectedError(f"{name} is {run.state()} and has recorded nothing to go on from")
    if "batch_size" not in manifest.config:
        raise RejectedError(f"{name} was recorded by an external training loop; fork it there")
    if step > run.head.step:
        raise RejectedError(f"--at {step}: {name} is at step {run.head.step}; give at most that")
    begun = (manifest.parent or {}).get("step", 0)
    if step < begun:
        of = (manifest.parent or {}).get("run")
        raise RejectedError(f"--at {step}: {name} begins at step {begun}; fork {of} instead")


def _refuse_nothing_left(run: Run, step: int, epochs: int) -> None:
    manifest = run.manifest
    assert manifest is not None
    total = manifest.steps_per_epoch * epochs if manifest.total_steps else 0
    if total and step >= total:
        raise RejectedError(
            f"--at {step}: nothing is left to train of {epochs} epochs, {total} steps; "
            "give an earlier step or more with --epochs"
        )


def _ends_beside(run: Run, step: int) -> str:
    """Return the nearest ends of epochs as `120 or 130`; "" where the step is one itself."""
    manifest = run.manifest
    assert manifest is not None
    recorded = run.column("epochs", "step")[run.current_rows("epochs")]
    begun = int((manifest.parent or {}).get("step", 0))
    each = manifest.steps_per_epoch if manifest.total_steps else 0
    if step == 0 or step in recorded or (each and step % each == 0):
        return ""
    if each:
        below = step - step % each
        return " or ".join(str(end) for end in (below, below + each) if end >= begun)
    ends = recorded[np.argsort(np.abs(recorded - step))][:2]
    return " or ".join(str(int(end)) for end in sorted(ends)) or "0"


def _narrate_way(run: Run, step: int) -> None:
    newest = next(up_to(run.paths.checkpoints, step), None)
    begun = step_of(newest) if newest is not None else 0
    if begun == step:
        return
    where = f"the checkpoint of step {begun}" if newest else "step 0: no checkpoint is that early"
    narrate(f"{run.paths.name} is trained again up to step {step}, from {where}")
