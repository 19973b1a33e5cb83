"""`asgml resume`: a trainer for a run that has none, to its end or to more epochs."""

from __future__ import annotations

import os
from pathlib import Path

import tomli_w

from asgml.app.arguments import LaunchMode
from asgml.app.commands.train import follow, refuse_both
from asgml.app.errors import RejectedError, UserError, narrate
from asgml.app.launcher import start
from asgml.app.lookup import find, open_run
from asgml.app.new_run import HEADING, write_whole
from asgml.core.config.run_config import ConfigError, make_config
from asgml.core.config.run_settings import RunSettings
from asgml.core.config.total_epochs import depends_on_total
from asgml.core.run.read_config import read_config
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import ALIVE
from asgml.storage.read.reader import Run
from asgml.storage.read.remedies import remedy_of
from asgml.storage.read.run_config import config_problem


def resume(run_ref: str, runs: Path | None, mode: LaunchMode, epochs: int | None = None) -> int:
    """Start a trainer on a run that has none, from the last checkpoint.

    With `epochs` it trains until it has that many in all.
    """
    refuse_both(mode)
    paths = find(run_ref, runs)
    run = open_run(paths)
    refuse_untrainable(run)
    _refuse_living(run)
    if epochs is not None:
        _train_to(run, epochs)
    elif run.state() == "finished":
        raise RejectedError(
            f"{paths.name} is finished, there is nothing left to train; train on with "
            f"`asgml resume {paths.name} --epochs N`, or anew with `asgml train {paths.config}`"
        )
    if run.state() == "diverged":
        narrate(
            f"note: {paths.name} has diverged, and these settings may lead there again; "
            f"{remedy_of(run)}"
        )
    return follow(start(paths, resume=True), mode)


def refuse_untrainable(run: Run) -> None:
    """Raise RejectedError for a run that this program's trainer cannot go on with."""
    paths = run.paths
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


def _refuse_living(run: Run) -> None:
    name, state = run.paths.name, run.state()
    if state in ALIVE:
        raise RejectedError(f"{name} is {state} already; look at it with `asgml watch {name}`")
    if state == "stale":
        raise RejectedError(
            f"{name} has a trainer that gives no sign; make sure that it is dead before you resume"
        )


def _train_to(run: Run, epochs: int) -> None:
    """Write the number of epochs into run.toml. Raise RejectedError for no more than it has."""
    old = run_settings(run.paths)
    _refuse_no_more(run, old, epochs)
    new = _with_epochs(old, epochs)
    for note in _differences(run, old, epochs):
        narrate(f"note: {note}")
    _rewrite(run.paths, new)


def run_settings(paths: RunPaths) -> RunSettings:
    """Return the configuration in run.toml. Raise RejectedError where it cannot be used."""
    try:
        return read_config(paths)
    except ConfigError as error:
        raise RejectedError(f"{paths.name}: run.toml: {error}") from None


def _with_epochs(config: RunSettings, epochs: int) -> RunSettings:
    try:
        return make_config({**config.model_dump(), "epochs": epochs})
    except ConfigError as error:
        raise UserError(f"--epochs {epochs}: {error}") from None


def _refuse_no_more(run: Run, old: RunSettings, epochs: int) -> None:
    finished, name = run.state() == "finished", run.paths.name
    done = old.epochs if finished else (run.head.epoch if run.head else 0)
    if epochs <= done:
        raise RejectedError(f"--epochs {epochs}: {name} has trained {done}; give more in all")
    early = [each for each in run.events if each.get("part") == "early_stopping"]
    if finished and early:
        raise RejectedError(
            f"{name} was ended by early stopping at step {early[-1].step}, and would be again; "
            f"go on without it: `asgml fork {name} --at {early[-1].step} "
            f"--set early_stopping.patience=0 --epochs {epochs}`"
        )


def _differences(run: Run, old: RunSettings, epochs: int) -> list[str]:
    """Return why the run is not the one that had so many epochs from the start; [] where it is."""
    found = [
        f"{setting} spreads over all epochs: a run that had {epochs} from the start would differ"
        for setting in depends_on_total(old)
    ]
    if run.state() == "finished" and old.epochs % old.eval.every:
        found.append(
            f"epoch {old.epochs} was the last and so evaluated, which eval.every={old.eval.every} "
            f"alone would not: a run that had {epochs} from the start may differ"
        )
    if run.state() == "finished" and old.eval.test == "end":
        found.append("the test split has been read, and will be read again at the new end")
    if old.modulator:
        found.append(f"{old.modulator} may depend on the number of epochs; nothing here can tell")
    return found


def _rewrite(paths: RunPaths, config: RunSettings) -> None:
    # the list of runs is in the order in which they were made, by the time of run.toml
    made = paths.config.stat()
    write_whole(paths.config, HEADING + tomli_w.dumps(config.model_dump()))
    os.utime(paths.config, ns=(made.st_atime_ns, made.st_mtime_ns))
