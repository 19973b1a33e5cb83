"""Makes the tables of LAYOUTS.md from the catalogue: `uv run python tests/docs/layouts.py`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asgml.core.data.base import import_target
from asgml.core.data.catalogue import DATA_SETS, DataSet, Dirs
from asgml.core.data.catalogue.shared_options import AUDIO_VISUAL_OPTIONS
from asgml.core.data.datasets.audiovisual import AudioVisualOptions

FILE = Path(__file__).resolve().parents[2] / "core" / "data" / "datasets" / "LAYOUTS.md"
BEGIN, END = "<!-- {}: made by tests/docs/layouts.py -->\n", "<!-- end of {} -->\n"
SHARED = "shared options"
KINDS = {
    "lists": "lists",
    "audio": "sound",
    "frames": "frames",
    "video": "videos",
    "flow": "flow",
    "files": "files",
}


def with_tables(text: str) -> str:
    """Return the page with all between its marks made anew, and a section for a new data set."""
    for name, block in blocks().items():
        begin, end = BEGIN.format(name), END.format(name)
        if begin not in text:
            row = DATA_SETS[name]
            text += f"\n## {row.title}: `{name}`\n\n{row.summary}.\n\n{begin}{end}"
        before, _, rest = text.partition(begin)
        text = before + begin + block + end + rest.partition(end)[2]
    return text


def blocks() -> dict[str, str]:
    """Return mark -> text between the marks: the shared options, then a block a data set."""
    shared = option_table(AUDIO_VISUAL_OPTIONS, defaults_of(AudioVisualOptions))
    return {SHARED: shared} | {name: block_of(row) for name, row in DATA_SETS.items()}


def block_of(row: DataSet) -> str:
    """Return the layout, the signs, the published sizes and the options of a data set."""
    parts = [dirs_table(row), signs_line(row), sizes_line(row), *options_of(row)]
    return "\n".join(part for part in parts if part)


def dirs_table(row: DataSet) -> str:
    rows = [
        f"| {KINDS[field.name]} | {where(field.name, getattr(row.dirs, field.name))} |"
        for field in dataclasses.fields(row.dirs)
        if getattr(row.dirs, field.name).names
    ]
    return "".join(f"{line}\n" for line in ["| what | where |", "| --- | --- |", *rows] if rows)


def where(kind: str, dirs: Dirs) -> str:
    """Return the folders in the order of looking, and a file in them."""
    end = "" if kind == "files" else "/"
    names = [f"`{name}{end}`" for name in dirs.names]
    folders = ", ".join(["the root", *names] if kind == "lists" else names)
    text = f"{folders}: `{dirs.example}`" if dirs.example else folders
    return text.replace("{fps:02d}", "NN").replace("{fps}", "N")


def signs_line(row: DataSet) -> str:
    signs = [" with ".join(f"`{pattern}`" for pattern in sign.patterns) for sign in row.signs]
    return f"A folder is recognised by {', or '.join(signs)}.\n" if signs else ""


def sizes_line(row: DataSet) -> str:
    """Return the published sizes, of every published split where there are several."""
    if row.published_splits:
        splits = [
            f"split {number}: {sizes(counts)}" for number, counts in row.published_splits.items()
        ]
        return f"Published: {'; '.join(splits)}. Source: {row.source}.\n"
    return f"Published: {sizes(row.published)}. Source: {row.source}.\n"


def sizes(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{split} {count}" for split, count in counts.items())


def options_of(row: DataSet) -> list[str]:
    """Return the table of the options that are new or have another default, and a line after it."""
    defaults = defaults_of(import_target(row.options_class))
    shared = defaults_of(AudioVisualOptions)
    listed = {}
    for name, meaning in row.options.items():
        if AUDIO_VISUAL_OPTIONS.get(name) != meaning:
            listed[name] = meaning
        elif defaults[name] != shared[name]:
            listed[name] = "as above"
    return [option_table(listed, defaults), rest_line(row) if row.clips else ""]


def rest_line(row: DataSet) -> str:
    absent = [f"`{name}`" for name in AUDIO_VISUAL_OPTIONS if name not in row.options]
    without = f", without {', '.join(absent)}" if absent else ""
    return f"The other options are those above{without}.\n"


def option_table(options: Mapping[str, str], defaults: Mapping[str, Any]) -> str:
    rows = [f"| `{name}` | {shown(defaults[name])} | {text} |" for name, text in options.items()]
    return "".join(f"{line}\n" for line in [*HEAD, *rows] if rows)


HEAD = ("| option | default | meaning |", "| --- | --- | --- |")


def defaults_of(options_class: type[Any]) -> dict[str, Any]:
    made = options_class()
    return {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}


def shown(value: object) -> str:
    """Return a default as it would stand in a recipe."""
    if value is None or value == {}:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"`{value}`" if isinstance(value, str) else str(value)


if __name__ == "__main__":
    FILE.write_text(with_tables(FILE.read_text(encoding="utf-8")), encoding="utf-8")
