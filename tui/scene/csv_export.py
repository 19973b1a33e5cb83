"""Files made of what is on screen: the tables of a run as CSV, and the path of a screenshot."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from asgml.tui.scene.run_data import TableSnapshot
from asgml.tui.scene.scene import Scene


def write_csv(scene: Scene, folder: Path) -> list[Path]:
    """Write one file per table that has rows, into a new folder named after the run.

    A missing value is an empty field. Return the files; raise OSError where one cannot be written.
    """
    target = _fresh(folder, _stem(scene))
    filled = {name: table for name, table in scene.data.tables.items() if table.rows}
    if not filled:
        return []
    target.mkdir(parents=True)
    return [_write(target / f"{name}.csv", table) for name, table in filled.items()]


def screenshot_path(scene: Scene, folder: Path) -> Path:
    """Return a path for a picture of the screen at which no file exists."""
    return _fresh(folder, _stem(scene), ".svg")


def _stem(scene: Scene) -> str:
    return f"{_file_name(scene.name)}-step{scene.progress.step}"


def _write(path: Path, table: TableSnapshot) -> Path:
    columns = [table.column(name).tolist() for name in table.names]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table.names)
        writer.writerows([_field(value) for value in row] for row in zip(*columns, strict=True))
    return path


def _field(value: float) -> str:
    if math.isnan(value):
        return ""
    if not math.isfinite(value):
        return str(value)
    # Well below 2^53 (9e15) a double holds every whole number exactly.
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _file_name(name: str) -> str:
    letters = (letter if letter.isalnum() or letter in "+-_." else "-" for letter in name)
    return "".join(letters).lstrip(".") or "run"


def _fresh(folder: Path, stem: str, suffix: str = "") -> Path:
    path, number = folder / f"{stem}{suffix}", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}{suffix}", number + 1
    return path
