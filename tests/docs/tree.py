"""The list of modules, docs/MODULES.md: `uv run python tests/docs/tree.py` writes it anew.

It is made from the first line of every module, so it cannot drift from the code.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "core", "storage", "tui")
PAGE = ROOT / "docs" / "MODULES.md"
HEADING = """# Modules

Every module with the first line of its docstring, folder by folder.
[ARCHITECTURE.md](../ARCHITECTURE.md)
says how the folders depend on each other. Made by `uv run python tests/docs/tree.py`.

"""
WIDTH = 30


def page() -> str:
    """Return the text of docs/MODULES.md."""
    return HEADING + "".join(section(folder) for folder in folders())


def folders() -> list[Path]:
    """Return every folder that holds modules, the packages in their order."""
    found = [ROOT / package for package in PACKAGES]
    every = [folder for top in found for folder in [top, *sorted(top.rglob("*/"))]]
    return [folder for folder in every if modules(folder)]


def modules(folder: Path) -> list[Path]:
    """Return the modules of a folder itself."""
    return sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")


def section(folder: Path) -> str:
    """Return a folder's heading, its own docstring, and a line for each of its modules."""
    said = summary(folder / "__init__.py")
    title = f"## {folder.relative_to(ROOT)}/\n\n" + (f"{said}\n\n" if said else "")
    lines = [path.name.ljust(WIDTH) + summary(path) for path in modules(folder)]
    return title + "```\n" + "\n".join(line.rstrip() for line in lines) + "\n```\n\n"


def summary(path: Path) -> str:
    """Return the first line of a module's docstring."""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
