"""Writes what is on screen to files: the tables of a run as CSV."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from asgml.tui.scene.scene import Scene
from asgml.tui.scene.series import TableCut


def write_csv(scene: Scene, folder: Path) -> list[Path]:
    """One file per table that has rows, in a new folder named after the run. A missing value is an empty field."""
    target = _fresh(folder, f"{_file_name(scene.name)}-step{scene.step}")
    filled = {table: cut for table, cut in scene.tables.items() if cut.rows}
    if not filled:
        return []
    target.mkdir(parents=True)
    return [_write(target / f"{table}.csv", cut) for table, cut in filled.items()]


def picture_path(scene: Scene, folder: Path) -> Path:
    """Where a picture of the screen goes; an existing file is never overwritten."""
    return _fresh(folder, f"{_file_name(scene.name)}-step{scene.step}", ".svg")


def _write(path: Path, cut: TableCut) -> Path:
    columns = [cut.column(name).tolist() for name in cut.names]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(cut.names)
        writer.writerows([_field(value) for value in row] for row in zip(*columns, strict=True))
    return path


def _field(value: float) -> str:
    if math.isnan(value):
        return ""
    if not math.isfinite(value):
        return str(value)
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _file_name(name: str) -> str:
    return (
        "".join(
            character if character.isalnum() or character in "+-_." else "-" for character in name
        ).lstrip(".")
        or "run"
    )


def _fresh(folder: Path, stem: str, suffix: str = "") -> Path:
    path, number = folder / f"{stem}{suffix}", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}{suffix}", number + 1
    return path
