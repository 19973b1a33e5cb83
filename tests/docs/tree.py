"""The tree of the README, made from the first line of every module: `uv run python tests/docs/tree.py` writes it anew."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "core", "storage", "tui")
BEGIN, END = "<!-- tree: made by tests/docs/tree.py -->\n", "<!-- end of tree -->\n"


def tree() -> str:
    """A line per module, indented by folder, with what the module says of itself."""
    lines = []
    for package in PACKAGES:
        for folder in [
            ROOT / package,
            *sorted(path for path in (ROOT / package).rglob("*") if path.is_dir()),
        ]:
            modules = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
            if modules:
                lines += [
                    f"{folder.relative_to(ROOT)}/".ljust(30) + summary(folder / "__init__.py"),
                    *map(line, modules),
                ]
    return "```\n" + "\n".join(text.rstrip() for text in lines) + "\n```\n"


def line(path: Path) -> str:
    return f"    {path.name}".ljust(30) + summary(path)


def summary(path: Path) -> str:
    """The first line of a module's docstring."""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0]


def with_tree(readme: str) -> str:
    """The README with its tree made anew."""
    before, _, rest = readme.partition(BEGIN)
    return before + BEGIN + tree() + END + rest.partition(END)[2]


if __name__ == "__main__":
    file = ROOT / "README.md"
    file.write_text(with_tree(file.read_text(encoding="utf-8")), encoding="utf-8")
