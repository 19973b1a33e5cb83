"""The values that a row's tuning tries next: all of a grid at once, or one after another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from asgml.app.plans.plan_schema import Tune
from asgml.app.plans.samplers import SEED, distributions, import_optuna, sampler, tried
from asgml.app.plans.search_space import Space, grid


class Proposals(Protocol):
    """What is to be tried; every value that `ask` gives is told once."""

    def ask(self) -> list[dict[str, Any]]:
        """Return the values that can be tried now, together; [] where the budget is used up."""
        ...

    def tell(self, values: Mapping[str, Any], score: float) -> None:
        """Take a result into account, higher is better; NaN for a trial that failed."""
        ...


def make_proposals(spaces: Sequence[Space], tune: Tune, where: str) -> Proposals:
    """Return the proposals of a plan's sampler. Raise UserError."""
    if tune.sampler == "grid":
        return _AtOnce(grid(spaces, tune.trials, where))
    asked = _OneByOne(spaces, tune.sampler, tune.trials, where)
    return asked if tune.sampler == "tpe" else _AtOnce(asked.all())


class _AtOnce:
    """Values that depend on no result."""

    def __init__(self, values: list[dict[str, Any]]) -> None:
        self._values = values

    def ask(self) -> list[dict[str, Any]]:
        values, self._values = self._values, []
        return values

    def tell(self, values: Mapping[str, Any], score: float) -> None:
        """Do nothing: no result changes what comes next."""


class _OneByOne:
    """Values of an Optuna sampler, of which each may depend on all results before it."""

    def __init__(self, spaces: Sequence[Space], name: str, trials: int, where: str) -> None:
        self._optuna = import_optuna(f"{where}: sampler = {name!r}")
        self._spaces = spaces
        self._study = self._optuna.create_study(
            direction="maximize", sampler=sampler(self._optuna, name, SEED)
        )
        self._distributions = distributions(self._optuna, spaces)
        self._left = trials
        self._trial: Any = None

    def ask(self) -> list[dict[str, Any]]:
        if not self._left:
            return []
        self._left -= 1
        self._trial = self._study.ask(self._distributions)
        return [tried(self._spaces, self._trial.params)]

    def tell(self, values: Mapping[str, Any], score: float) -> None:
        if math.isnan(score):
            self._study.tell(self._trial, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(self._trial, score)

    def all(self) -> list[dict[str, Any]]:
        """Return the values of every trial, of a sampler that reads no results."""
        found: list[dict[str, Any]] = []
        while values := self.ask():
            found += values
        return found
