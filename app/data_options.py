"""Resolve the data that `asgml data` works on, with the options of a recipe and of --set."""

from __future__ import annotations

from asgml.app.arguments import TrainArguments
from asgml.app.configure import build
from asgml.app.data_spec import how_to_give, is_generated, needs_files
from asgml.app.errors import UserError
from asgml.core.config.sections import DataConfig

PREFIX = "data.options."
SEED = "data.seed"


def data_of(spec: str, recipe: str | None, sets: tuple[str, ...]) -> DataConfig:
    """Return the data that `asgml train RECIPE --data SPEC --set …` would train on.

    Raise UserError for data without files.
    """
    given = TrainArguments(recipe=recipe, data=spec, sets=[_full_key(text) for text in sets])
    data = build(given).config().data
    if is_generated(data.name):
        raise UserError(f"{data.name} is generated: there is no file to look at")
    if needs_files(data.name):
        raise UserError(how_to_give(data.name, ""))
    return data


def _full_key(text: str) -> str:
    """Return `frames=3` as `data.options.frames=3`; full keys and the data's seed are kept."""
    key, sign, value = text.partition("=")
    key = key.strip()
    if not sign or not key:
        raise UserError(f"--set {text!r}: expected KEY=VALUE, such as --set frames=3")
    if key in (SEED, SEED.rpartition(".")[2]):
        return f"{SEED}={value}"
    return f"{PREFIX}{key.removeprefix(PREFIX)}={value}"
