"""`asgml sweep`: search settings; each trial an ordinary run, the bad ones stopped early."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from asgml.app.arguments import TrainArguments
from asgml.app.commands.ablate import parse_jobs, parse_seeds
from asgml.app.configure import build_layers, build_to_train, layers_of
from asgml.app.errors import FAILED, INTERRUPTED, OK, UserError, narrate
from asgml.app.new_run import run_stem
from asgml.app.output import console, print_json
from asgml.app.plans.launchers import LocalLauncher
from asgml.app.plans.names import slug, value_text
from asgml.app.plans.over import spaces_of
from asgml.app.plans.resources import share_of
from asgml.app.plans.search_space import Space
from asgml.app.plans.selection import slow_modules_of
from asgml.app.plans.sweep import Sweep
from asgml.app.plans.sweep_plan import SweepPlan
from asgml.app.plans.sweep_study import SweepStudy
from asgml.app.plans.sweep_trial import Trial
from asgml.app.plans.tuning import without_test
from asgml.app.preferences import runs_directory
from asgml.app.sweep_arguments import SweepArguments
from asgml.app.table_text import number
from asgml.core.config.run_settings import RunSettings
from asgml.storage.format.layout import is_run
from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import duration

WARMUP = 0.2
"""Share of a training in which no trial is stopped: early evaluations tell little."""


def sweep(arguments: TrainArguments, given: SweepArguments, runs: Path | None, json_: bool) -> int:
    """Search the settings of `--over`, and print the trials, the best first."""
    draft = build_to_train(arguments)
    base = draft.config()
    study = _study(spaces_of(given.over or (), draft), given, base)
    plan = _plan(arguments, given, base)
    launcher = LocalLauncher(share_of(parse_jobs(given.jobs)), slow_modules_of([base]))
    sweep = Sweep(plan, study, _folder(plan.name, given.name, runs), launcher)
    try:
        trials = sweep.run(_Narrator(given.trials).ended)
    except KeyboardInterrupt:
        narrate("left; trainers at work go on. The same command continues the sweep")
        return INTERRUPTED
    finally:
        launcher.close()
    _print(trials, study, sweep.folder, json_)
    return OK if any(trial.state == "finished" for trial in trials) else FAILED


def _study(spaces: Sequence[Space], given: SweepArguments, base: RunSettings) -> SweepStudy:
    evaluations = base.epochs // base.eval.every
    warmup = math.ceil(WARMUP * evaluations)
    return SweepStudy(spaces, given.sampler.value, given.trials, warmup)


def _plan(arguments: TrainArguments, given: SweepArguments, base: RunSettings) -> SweepPlan:
    layers = layers_of(arguments)

    def make(values: Mapping[str, Any], seed: int) -> RunSettings:
        tried = [(key, value, "--over") for key, value in values.items()]
        settings = build_layers([*layers, *tried]).config()
        return without_test(settings.model_copy(update={"seed": seed}))

    stem = run_stem(base.model_dump())
    title = f"Sweep of {base.method} on {base.data.name.rpartition('/')[2]}"
    name = given.name or slug(f"sweep-{stem}")
    seeds = parse_seeds(given.seeds)
    return SweepPlan(name, title, base.data.name, make, seeds, given.trials, given.prune)


def _folder(default: str, name: str | None, runs: Path | None) -> Path:
    if name is not None and slug(name) != name.lower():
        raise UserError(f"--name {name!r}: expected letters, digits, `.`, `_` and single hyphens")
    folder = runs_directory(runs) / (name or default)
    if is_run(folder):
        raise UserError(f"{folder} is a run; give the sweep another name with --name")
    return folder


class _Narrator:
    """One line on stderr for each trial that ends."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = time.monotonic()
        self._ended = 0

    def ended(self, trial: Trial, trials: Sequence[Trial]) -> None:
        self._ended += 1
        best = in_order(trials)[0]
        done = sum(one.state != "running" for one in trials)
        left = (time.monotonic() - self._began) / self._ended * max(0, self._total - done)
        said = f"val {_shown(trial)}" if trial.state == "finished" else trial.state
        line = f"trial {trial.number} ({done}/{self._total})  {_values(trial.values)}  {said}"
        if best.state == "finished" and best is not trial:
            line += f"  (best {_shown(best)}: trial {best.number})"
        narrate(f"{line}  {duration(left)} left" if left else line)


def in_order(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials, the best first, those that were stopped or failed after the whole ones."""

    def rank(trial: Trial) -> tuple[bool, float]:
        value = trial.value()
        return trial.state != "finished", -value if value is not None else math.inf

    return sorted(trials, key=rank)


def _print(trials: Sequence[Trial], study: SweepStudy, folder: Path, json_: bool) -> None:
    importance = study.importance(trials)
    ordered = in_order(trials)
    if json_:
        rows = [_record(trial) for trial in ordered]
        print_json({"folder": str(folder), "trials": rows, "importance": importance})
        return
    console().print(_table(ordered, study))
    if importance:
        shares = (f"{key} {share:.0%}" for key, share in importance.items())
        narrate(f"importance: {', '.join(shares)}")
    if ordered and ordered[0].state == "finished":
        best = ordered[0].begun[0].paths
        narrate(f"the best: asgml train {best.config} --set eval.test=end")


def _table(trials: Sequence[Trial], study: SweepStudy) -> Table:
    keys = [space.key for space in study.spaces]
    table = Table("trial", "state", *keys, "val", "evaluations", "runs", box=None, pad_edge=False)
    for trial in trials:
        cells = [str(trial.number), trial.state, *(value_text(trial.values[key]) for key in keys)]
        cells += [_shown(trial), str(len(trial.intermediate())), _runs(trial)]
        table.add_row(*(Text(safe(cell)) for cell in cells))
    return table


def _record(trial: Trial) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "state": trial.state,
        "values": dict(trial.values),
        "val": trial.value(),
        "evaluations": len(trial.intermediate()),
        "runs": [run.paths.name for run in trial.begun],
    }


def _values(values: Mapping[str, Any]) -> str:
    return "  ".join(f"{key} {value_text(value)}" for key, value in values.items())


def _shown(trial: Trial) -> str:
    value = trial.value()
    return "–" if value is None else number(abs(value))


def _runs(trial: Trial) -> str:
    names = [run.paths.name for run in trial.begun]
    return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}" if names else "–"
