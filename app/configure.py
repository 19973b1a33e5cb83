"""From a recipe, `--set` and flags to the configuration of a run, each value with its origin.

Later layers win: defaults, then what a method was published with, then the recipe, then `--set` in
the order given, then the other flags.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asgml.app.arguments import TrainArguments
from asgml.app.data_spec import (
    absolute_class,
    absolute_spec,
    how_to_give,
    is_from_files,
    needs_files,
)
from asgml.app.draft import Draft
from asgml.app.errors import UserError
from asgml.app.keys import parse_value
from asgml.app.recipes import read_recipe, recipe_file
from asgml.core.config.run_config import RunConfig
from asgml.core.data.base import is_class, split_name
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.methods.registry import METHODS

Layer = tuple[str, Any, str]
"""A name as typed, its value, and where it came from."""
DATA_FLAG = "--data"
ALLOW_MISSING = "data.options.allow_missing"


def build(arguments: TrainArguments) -> Draft:
    """Return the draft that the arguments make. Raise UserError or NotFoundError."""
    return build_layers(layers_of(arguments))


def build_layers(given: list[Layer]) -> Draft:
    """Return the draft that (name, value, origin) make, the weakest first. Raise as `build`."""
    method = next(
        (value for name, value, _ in reversed(given) if name == "method"), RunConfig().method
    )
    draft = Draft(sections_of_others(str(method)))
    for name, value, origin in given:
        draft.put(name, value, origin)
    make_paths_absolute(draft, _data_before_the_flag(given))
    _check_allow_missing(draft)
    draft.config()
    return draft


def build_to_train(arguments: TrainArguments) -> Draft:
    """As `build`, but raise UserError for a data set read from files of which none is named."""
    draft = build(arguments)
    name = draft.config().data.name
    if needs_files(name):
        raise UserError(how_to_give(name))
    return draft


def layers_of(arguments: TrainArguments) -> list[Layer]:
    """Return (name, value, origin) of everything that was given, the weakest first."""
    return [
        *recipe_layers(arguments.recipe),
        *_method_alone(arguments),
        *set_layers(arguments.sets or ()),
        *_flags(arguments),
    ]


def recipe_layers(recipe: str | None) -> list[Layer]:
    """Return what a recipe gives. Raise UserError or NotFoundError for a bad one."""
    if recipe is None:
        return []
    tables = read_recipe(recipe_file(recipe))
    return [(key, value, f"recipe {recipe}") for key, value in tables.items()]


def set_layers(sets: Iterable[str]) -> list[Layer]:
    """Return what `--set KEY=VALUE` gives. Raise UserError for a text without a key."""
    return [(*parse_set(text), f"--set {text}") for text in sets]


def _method_alone(arguments: TrainArguments) -> list[Layer]:
    """Return baseline as the method of one modality alone: nothing is there to balance it with."""
    alone = arguments.only is not None and "," not in arguments.only
    return [("method", "baseline", "--only")] if alone else []


def parse_set(text: str) -> tuple[str, Any]:
    """Return name and value of KEY=VALUE. Raise UserError for any other text."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise UserError(f"--set {text!r}: expected KEY=VALUE, such as --set boost.alpha=0.75")
    return key.strip(), parse_value(value.strip())


def _flags(given: TrainArguments) -> list[Layer]:
    """Return (configuration key, value, flag) of the flags that were given."""
    every = [
        ("data.name", given.data, DATA_FLAG),
        (ALLOW_MISSING, given.allow_missing or None, "--allow-missing"),
        ("method", given.method, "--method"),
        ("epochs", given.epochs, "--epochs"),
        ("seed", given.seed, "--seed"),
        ("device", given.device, "--device"),
        ("modulator", given.modulator, "--modulator"),
        ("modalities", given.only, "--only"),
    ]
    return [flag for flag in every if flag[1] is not None]


def sections_of_others(method: str) -> frozenset[str]:
    """Return the sections of the methods that are not named in `method`."""
    used = {name.strip() for name in method.split("+")}
    return frozenset(name for name, row in METHODS.items() if row.settings and name not in used)


def make_paths_absolute(draft: Draft, meant: str) -> None:
    """Replace relative paths: a run may be resumed from any directory."""
    data = draft.values.get("data.name")
    if isinstance(data, str):
        draft.values["data.name"] = absolute_spec(data, meant)
    modulator = draft.values.get("modulator")
    if isinstance(modulator, str) and modulator:
        draft.values["modulator"] = absolute_class(modulator, "modulator")
    for key, value in draft.values.items():
        if key.startswith("encoder.") and isinstance(value, str) and is_class(value):
            draft.values[key] = absolute_class(value, key)


def _data_before_the_flag(given: list[Layer]) -> str:
    """Return the data set that recipe or --set name, whose files --data then gives.

    "" where it is none of those read from files.
    """
    draft = Draft()
    for key, value, origin in given:
        if key.partition(".")[0] == "data" and origin != DATA_FLAG:
            draft.put(key, value, origin)
    name = split_name(str(draft.values.get("data.name", "")))[0]
    return name if is_from_files(name) else ""


def _check_allow_missing(draft: Draft) -> None:
    """Raise UserError where the data has no files that may be missing one by one."""
    data = str(draft.values.get("data.name", RunConfig().data.name))
    name = split_name(data)[0]
    if draft.values.get(ALLOW_MISSING) and not (name and DATA_SETS[name].clips):
        origin = draft.origins[ALLOW_MISSING]
        raise UserError(
            f"{origin}: {data} is not read clip by clip, so no clip of it can be missing; "
            "leave it out"
        )
