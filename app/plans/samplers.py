"""The order in which values are tried: a grid of our own, or Optuna's samplers with fixed seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asgml.app.errors import UserError
from asgml.app.plans.search_space import Space

SEED = 0
"""Seed of the samplers: a tuning that is continued asks for the same trials again."""


def import_optuna(what: str) -> Any:
    """Return the package optuna, quiet. Raise UserError, naming the extra, where it is missing."""
    try:
        import optuna
    except ImportError:
        raise UserError(
            f"{what} needs Optuna, which is not installed; `pip install 'asgml[sweep]'`"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def distributions(optuna: Any, spaces: Sequence[Space]) -> dict[str, Any]:
    """Return Optuna's distribution of each space, by key."""
    return {space.key: _distribution(optuna, space) for space in spaces}


def tried(spaces: Sequence[Space], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a trial of Optuna stands for, numbers rounded as they are tried."""
    return {
        space.key: params[space.key] if space.choices else space.value(params[space.key])
        for space in spaces
    }


def sampler(optuna: Any, name: str, seed: int) -> Any:
    """Return Optuna's sampler of this name, with its seed."""
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, constant_liar=True)


def _distribution(optuna: Any, space: Space) -> Any:
    made = optuna.distributions
    if space.choices:
        return made.CategoricalDistribution(space.choices)
    if space.whole:
        step = round(space.step or 1)
        return made.IntDistribution(round(space.low), round(space.high), space.log, step)
    return made.FloatDistribution(space.low, space.high, space.log, space.step)
