"""`asgml data list`, `make-demo` and `prepare`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from asgml.app.errors import OK, RunFailedError, UserError, narrate
from asgml.app.output import console, print_json
from asgml.app.progress import progress
from asgml.app.recipes import read_recipe, recipe_file, recipe_names
from asgml.core.config.sections import DataConfig
from asgml.core.data.base import DataError, split_name
from asgml.core.data.catalogue import DATA_SETS, DataSet
from asgml.storage.format.safe_text import safe
from asgml.storage.format.user_path import expand_user

REMARKS = (
    "`asgml data list --json` adds the options of each, and the folders that are searched.",
    "Any other data: a file of named arrays, .npz or Zarr, with label, split (train, val, test) "
    "and an array for each modality, as in `asgml train --data mine.npz`.",
)


def list_data(json_: bool) -> int:
    """Print a block for each data set; as JSON a record each."""
    recipes = recipes_by_data()
    records = [_record(name, row, recipes.get(name, [])) for name, row in DATA_SETS.items()]
    print_json(records) if json_ else _print_list(records)
    return OK


def recipes_by_data() -> dict[str, list[str]]:
    """Return data set -> the shipped recipes that are written for it."""
    found: dict[str, list[str]] = {}
    for recipe in recipe_names():
        data = read_recipe(recipe_file(recipe)).get("data", {})
        name = split_name(str(data.get("name", "") if isinstance(data, dict) else data))[0]
        found.setdefault(name, []).append(recipe)
    return found


def make_demo(folder: Path, clips: int, seed: int) -> int:
    """Write the files and print the folder."""
    from asgml.core.data.synthetic.demo_files import make_demo as write

    path = expand_user(folder, UserError).absolute()
    try:
        written = write(path, clips=clips, seed=seed)
    except DataError as error:
        raise UserError(str(error)) from None
    narrate(
        f"{written} clips in the layout of CREMA-D; "
        f"`asgml train cremad-1f --data {path}` trains on them"
    )
    print(path)
    return OK


def prepare(data: DataConfig, to: Path | None, *, workers: int | None, allow_missing: bool) -> int:
    """Decode every clip into the cache and print its path. Raise RunFailedError or UserError."""
    from asgml.core.data.cache.prepare import prepare as write
    from asgml.core.data.report.report_builder import find_clips

    try:
        found = find_clips(data.name, data.options, data.seed)
        if found is None:
            raise UserError(
                f"{data.name} is read into memory at once, there is nothing to prepare; "
                "train on it as it is"
            )
        with progress("clips") as show:
            path = write(
                found,
                to,
                workers=-1 if workers is None else workers,
                allow_missing=allow_missing,
                progress=show,
            )
    except DataError as error:
        raise RunFailedError(str(error)) from None
    how = f"and --set data.options.cache={to} reads it" if to else "reads it by itself"
    narrate(f"prepared; a training on {data.name} with the same options {how}")
    print(path)
    return OK


def _record(name: str, row: DataSet, recipes: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "summary": row.summary,
        "modalities": list(row.modalities),
        "classes": row.classes,
        "published": dict(row.published),
        "source": row.source,
        "recipes": recipes,
        "give": row.give,
        "options": dict(row.options),
        "folders": {
            kind: dirs["names"] for kind, dirs in asdict(row.dirs).items() if dirs["names"]
        },
    }


def _print_list(records: list[dict[str, Any]]) -> None:
    grid = Table.grid(padding=(0, 2))
    for one in records:
        for label, text in [(one["name"], one["summary"]), *_details(one), ("", "")]:
            style = "bold" if label == one["name"] else "dim"
            grid.add_row(Text(safe(label), style), Text(safe(text), overflow="fold"))
    out = console()
    out.print(grid)
    for remark in REMARKS:
        out.print(Text(remark, "dim"))


def _details(one: dict[str, Any]) -> list[tuple[str, str]]:
    sizes = ", ".join(f"{split} {count}" for split, count in one["published"].items())
    details = [
        ("has", f"{', '.join(one['modalities'])}; {one['classes']} classes"),
        ("sizes", f"{sizes} ({one['source']})" if sizes else ""),
        ("give", one["give"]),
        ("recipes", ", ".join(one["recipes"])),
    ]
    return [(f"  {label}", text) for label, text in details if text]
