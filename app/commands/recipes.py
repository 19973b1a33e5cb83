"""`asgml recipes`: the shipped presets, or the text of one."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from asgml.app.output import console, print_json
from asgml.app.recipes import read_recipe, recipe_file, recipe_names, recipe_text, summary_of
from asgml.storage.format.safe_text import safe


def recipes(name: str | None, json_: bool) -> int:
    """List the recipes with their purpose; with a name, print that file, ready to be changed."""
    if name is not None:
        path = recipe_file(name)
        print_json(read_recipe(path)) if json_ else print(recipe_text(path), end="")
        return 0
    known = {name: summary_of(recipe_file(name)) for name in recipe_names()}
    if json_:
        print_json(known)
        return 0
    table = Table("recipe", "what it is for", box=None, pad_edge=False)
    for recipe, summary in known.items():
        table.add_row(Text(safe(recipe)), Text(safe(summary)))
    console().print(table)
    return 0
