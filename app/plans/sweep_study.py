"""The study of a sweep: what Optuna is told of the trials, asked anew for every decision.

Nothing is kept beside the runs: each question is asked of a study that is made of the trials as
they are. So a sweep that was killed goes on, and a trial that is deleted is forgotten.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from asgml.app.plans.samplers import distributions, import_optuna, sampler, tried
from asgml.app.plans.search_space import Space, grid
from asgml.app.plans.sweep_trial import Trial

FIRST_WITHOUT_PRUNING = 4
"""Trials that must have ended before any is pruned."""
FEWEST_FOR_IMPORTANCE = 8


class SweepStudy:
    """The questions of a sweep to Optuna. Raise UserError where Optuna is not installed."""

    def __init__(self, spaces: Sequence[Space], name: str, trials: int, warmup: int) -> None:
        """`name` is the sampler's; no trial is pruned in its first `warmup` evaluations."""
        self.spaces = spaces
        self._optuna = import_optuna("asgml sweep")
        warnings.filterwarnings("ignore", category=self._optuna.exceptions.ExperimentalWarning)
        self._sampler = name
        self._distributions = distributions(self._optuna, spaces)
        self._grid = grid(spaces, trials, "--over") if name == "grid" else []
        self._pruner = self._optuna.pruners.MedianPruner(
            n_startup_trials=FIRST_WITHOUT_PRUNING, n_warmup_steps=warmup
        )

    def next_values(self, trials: Sequence[Trial], number: int) -> dict[str, Any] | None:
        """Return what trial `number` tries, None where a grid is used up."""
        if self._sampler == "grid":
            done = [dict(trial.values) for trial in trials]
            return next((values for values in self._grid if values not in done), None)
        study = self._study(trials)
        study.sampler = sampler(self._optuna, self._sampler, number)
        return tried(self.spaces, study.ask(self._distributions).params)

    def should_prune(self, trial: Trial, trials: Sequence[Trial], evaluations: int) -> bool:
        """Return True where a trial, after so many evaluations, is below the others' median."""
        others = [other for other in trials if other is not trial and other.state != "running"]
        frozen = self._frozen(trial, trial.intermediate()[:evaluations])
        return bool(self._pruner.prune(self._study(others), frozen))

    def importance(self, trials: Sequence[Trial]) -> dict[str, float]:
        """Return how far each setting decides who is among the best, as shares; {} for too few."""
        finished = [trial for trial in trials if trial.state == "finished"]
        if len(finished) < FEWEST_FOR_IMPORTANCE or len(self.spaces) < 2:
            return {}
        with suppress(RuntimeError, ValueError):
            importance = self._optuna.importance
            found = importance.get_param_importances(
                self._study(finished), evaluator=importance.PedAnovaImportanceEvaluator()
            )
            return {key: float(share) for key, share in found.items() if math.isfinite(share)}
        return {}

    def _study(self, trials: Sequence[Trial]) -> Any:
        study = self._optuna.create_study(direction="maximize", pruner=self._pruner)
        for trial in trials:
            with suppress(ValueError):  # tried when the ranges were others
                study.add_trial(self._frozen(trial, trial.intermediate()))
        return study

    def _frozen(self, trial: Trial, intermediate: list[float]) -> Any:
        states = self._optuna.trial.TrialState
        state = {
            "running": states.RUNNING,
            "finished": states.COMPLETE,
            "pruned": states.PRUNED,
            "failed": states.FAIL,
            "diverged": states.FAIL,
        }[trial.state]
        return self._optuna.trial.create_trial(
            params=dict(trial.values),
            distributions=self._distributions,
            value=trial.value() if trial.state == "finished" else None,
            intermediate_values=dict(enumerate(intermediate)),
            state=state,
        )
