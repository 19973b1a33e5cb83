"""The recipes: configurations in TOML files, those that are shipped and the user's own."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from asgml.app.errors import NotFoundError, UserError
from asgml.app.keys import nearest_of
from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.user_path import expand_user, why

RECIPES = Path(__file__).parent / "recipes"
"""The directory of the shipped ones."""


def recipe_names() -> list[str]:
    """Return the names of the shipped recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def recipe_file(name: str) -> Path:
    """Return the file of a shipped recipe, or the path of the user's own. Raise NotFoundError."""
    path = expand_user(name, NotFoundError)
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
    """Return the tables of a recipe. A run's run.toml is one too. Raise UserError for none."""
    text = recipe_text(path)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_recipe(path, error) from None


def recipe_text(path: Path) -> str:
    """Return the text of a recipe. Raise UserError where there is none to be read."""
    try:
        return read_bounded(path).decode()
    except (FormatError, OSError, ValueError) as error:
        raise _no_recipe(path, error) from None


def _no_recipe(path: Path, error: Exception) -> UserError:
    return UserError(
        f"recipe {path}: {why(error)}; expected a TOML file such as `asgml recipes demo` prints"
    )


def summary_of(path: Path) -> str:
    """Return the recipe's first line, a comment that states its purpose."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").strip()
