"""From a recipe, `--set` and flags to the configuration of a run, each value with its origin.

Later layers win: defaults, then the recipe, then `--set` in the order given, then the other flags.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asgml.app.arguments import TrainArguments
from asgml.app.data_spec import (
    absolute_spec,
    existing,
    how_to_give,
    is_from_files,
    needs_files,
)
from asgml.app.errors import NotFoundError, UserError
from asgml.app.keys import flatten, nearest_of, nested, parse_value, resolve
from asgml.core.config.run_config import ConfigError, RunConfig, make_config
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import split_name
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.methods.registry import METHODS

DEFAULT = "default"
RECIPES = Path(__file__).parent / "recipes"
ALLOW_MISSING = "data.options.allow_missing"


def flags(given: TrainArguments) -> list[tuple[str, Any, str]]:
    """Return (configuration key, value, flag) of the flags that were given."""
    every = [
        ("data.name", given.data, "--data"),
        (ALLOW_MISSING, given.allow_missing or None, "--allow-missing"),
        ("method", given.method, "--method"),
        ("epochs", given.epochs, "--epochs"),
        ("seed", given.seed, "--seed"),
        ("device", given.device, "--device"),
        ("modulator", given.modulator, "--modulator"),
    ]
    return [flag for flag in every if flag[1] is not None]


@dataclass
class Plan:
    """A configuration in the making: dotted keys with values, and the origin of each one given.

    `others` are the sections of methods that the run does not use: a bare name means one of their
    settings only where it is found nowhere else.
    """

    others: frozenset[str] = frozenset()
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: Any, origin: str) -> None:
        """Set the key that `name` means. Raise UserError for an unknown one."""
        if isinstance(value, dict):
            for inner, one in value.items():
                self.put(f"{name}.{inner}", one, origin)
            return
        if name == "encoder":  # one kind for all replaces those given for single modalities
            self._drop("encoder.")
        key = resolve(name, origin, self.others)
        self.values[key] = value
        self.origins[key] = origin

    def config(self) -> RunSettings:
        """Return the checked configuration. Raise UserError with the origin of a bad value."""
        try:
            return make_config(nested(self.values))
        except ConfigError as error:
            key = str(error).partition(" = ")[0]
            origin = f" (from {self.origins[key]})" if key in self.origins else ""
            raise UserError(f"{error}{origin}") from None

    def rows(self) -> list[tuple[str, Any, str]]:
        """Return (key, value, origin) of every value of the checked configuration."""
        flat = flatten(self.config().model_dump())
        return [(key, value, self.origins.get(key, DEFAULT)) for key, value in flat]

    def idle(self) -> list[str]:
        """Return the keys that were given for a method that this run does not use."""
        return [
            key
            for key, origin in self.origins.items()
            if key.partition(".")[0] in self.others and origin.startswith("--")
        ]

    def _drop(self, prefix: str) -> None:
        for key in [key for key in self.values if key.startswith(prefix)]:
            del self.values[key], self.origins[key]


def build(arguments: TrainArguments) -> Plan:
    """Return the plan that the arguments make. Raise UserError or NotFoundError."""
    given = _layers(arguments)
    method = next(
        (value for name, value, _ in reversed(given) if name == "method"), RunConfig().method
    )
    plan = Plan(_sections_of_others(str(method)))
    for name, value, origin in given:
        plan.put(name, value, origin)
    _make_paths_absolute(plan, _data_before_the_flag(given))
    _check_allow_missing(plan)
    plan.config()
    return plan


def build_to_train(arguments: TrainArguments) -> Plan:
    """As `build`, but raise UserError for a data set read from files of which none is named."""
    plan = build(arguments)
    name = plan.config().data.name
    if needs_files(name):
        raise UserError(how_to_give(name))
    return plan


def recipe_names() -> list[str]:
    """Return the names of the shipped recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def recipe_file(name: str) -> Path:
    """Return the file of a shipped recipe, or the path of the user's own. Raise NotFoundError."""
    path = Path(name).expanduser()
    if path.suffix == ".toml" or "/" in name:
        if not path.is_file():
            raise NotFoundError(
                f"recipe {name!r}: no such file; `asgml recipes` lists the recipes that are shipped"
            )
        return path
    if name not in recipe_names():
        nearest = nearest_of(name, recipe_names())
        raise NotFoundError(f"no recipe {name!r}: {nearest}; or give the path of a .toml file")
    return RECIPES / f"{name}.toml"


def read_recipe(path: Path) -> dict[str, Any]:
    """Return the tables of a recipe. A run's run.toml is one too."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UserError(
            f"recipe {path}: {error}; expected a TOML file such as `asgml recipes demo` prints"
        ) from None


def summary_of(path: Path) -> str:
    """Return the recipe's first line, a comment that states its purpose."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").strip()


def _parse_set(text: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise UserError(f"--set {text!r}: expected KEY=VALUE, such as --set boost.alpha=0.75")
    return key.strip(), parse_value(value.strip())


def _make_paths_absolute(plan: Plan, meant: str) -> None:
    """Replace relative paths: a run may be resumed from any directory."""
    data = plan.values.get("data.name")
    if isinstance(data, str):
        plan.values["data.name"] = absolute_spec(data, meant)
    modulator = plan.values.get("modulator")
    if isinstance(modulator, str) and modulator:
        file, _, name = modulator.rpartition(":")
        if not file or not name.isidentifier():
            raise UserError(
                f"modulator {modulator!r}: expected FILE.py:CLASS, such as mine.py:Mine"
            )
        plan.values["modulator"] = f"{existing(file, f'modulator {modulator!r}', '')}:{name}"


def _data_before_the_flag(given: list[tuple[str, Any, str]]) -> str:
    """Return the data set that recipe or --set name, whose files --data then gives.

    "" where it is none of those read from files.
    """
    plan = Plan()
    for key, value, origin in given:
        if key.partition(".")[0] == "data" and origin != "--data":
            plan.put(key, value, origin)
    name = split_name(str(plan.values.get("data.name", "")))[0]
    return name if is_from_files(name) else ""


def _check_allow_missing(plan: Plan) -> None:
    """Raise UserError where the data has no files that may be missing one by one."""
    data = str(plan.values.get("data.name", RunConfig().data.name))
    name = split_name(data)[0]
    if plan.values.get(ALLOW_MISSING) and not (name and DATA_SETS[name].clips):
        origin = plan.origins[ALLOW_MISSING]
        raise UserError(
            f"{origin}: {data} is not read clip by clip, so no clip of it can be missing; "
            "leave it out"
        )


def _layers(arguments: TrainArguments) -> list[tuple[str, Any, str]]:
    """Return (name, value, origin) of everything that was given, the weakest first."""
    recipe = read_recipe(recipe_file(arguments.recipe)) if arguments.recipe is not None else {}
    sets = [(*_parse_set(text), f"--set {text}") for text in arguments.sets or ()]
    return [
        *((key, value, f"recipe {arguments.recipe}") for key, value in recipe.items()),
        *sets,
        *flags(arguments),
    ]


def _sections_of_others(method: str) -> frozenset[str]:
    used = {name.strip() for name in method.split("+")}
    return frozenset(name for name, row in METHODS.items() if row.settings and name not in used)
