"""What `asgml data` looks at: a person's word for data with options, and those of a recipe, as a training would take them."""

from __future__ import annotations

from asgml.app.arguments import TrainArguments
from asgml.app.data_spec import GENERATED, how_to_give, needs_files
from asgml.app.errors import UserError
from asgml.app.recipes import build
from asgml.core.config.sections import DataConfig

PREFIX = "data.options."
SEED = "data.seed"


def data_of(word: str, recipe: str | None, sets: tuple[str, ...]) -> DataConfig:
    """The data that `asgml train RECIPE --data WORD --set …` would train on. Raises UserError for data without files."""
    given = TrainArguments(recipe=recipe, data=word, sets=[_whole_key(text) for text in sets])
    data = build(given).config().data
    if data.name in GENERATED:
        raise UserError(f"{data.name} is generated: there is no file to look at")
    if needs_files(data.name):
        raise UserError(how_to_give(data.name, ""))
    return data


def _whole_key(text: str) -> str:
    """`frames=3` is an option of the data; with the whole key it may be given too. `seed` is that of the data."""
    key, sign, value = text.partition("=")
    key = key.strip()
    if not sign or not key:
        raise UserError(f"--set {text!r}: expected KEY=VALUE, such as --set frames=3")
    if key in (SEED, SEED.rpartition(".")[2]):
        return f"{SEED}={value}"
    return f"{PREFIX}{key.removeprefix(PREFIX)}={value}"
