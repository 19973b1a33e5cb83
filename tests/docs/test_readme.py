"""The documents tell the truth: modules, commands and files exist, the modulator works."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tree import PAGE, ROOT, page
from warm_kit import warm_asgml

from asgml.core.methods.table import METHODS

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    ROOT / name
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LOG.md")
]
VERSION = r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$"


def test_the_list_of_modules_is_that_of_the_code() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "run `uv run python tests/docs/tree.py`"


def test_every_method_is_named() -> None:
    assert [name for name in METHODS if f"`{name}`" not in README] == []


def test_every_command_that_is_shown_exists() -> None:
    shown = {
        shlex.split(words)[0]
        for words in re.findall(r"(?:^|`|uv run )asgml ([a-z][^`\n#]*)", README, re.MULTILINE)
    }
    listed = subprocess.run(
        [sys.executable, "-P", "-m", "asgml", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    commands = set(re.findall(r"^  ([a-z]+) {2,}\S", listed, re.MULTILINE))
    assert shown and shown <= commands
    assert commands <= shown, "every command stands in the README"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_is_named_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    named = re.findall(
        r"`((?:app|core|storage|tui|tests|benchmarks|examples)/[\w./-]+\.\w+)`", text
    )
    assert [name for name in links + named if not (ROOT / name).exists()] == []


def modulator_of_the_readme() -> str:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    return next(block for block in blocks if "class " in block)


def test_the_modulator_of_the_readme_with_types_passes_mypy(tmp_path: Path) -> None:
    """Quick after `uv run mypy`, whose cache it reads."""
    untyped = "def modulate(self, backward):"
    code = modulator_of_the_readme()
    assert untyped in code
    typed = code.replace(untyped, "def modulate(self, backward: Backward) -> Modulation:")
    file = tmp_path / "calm.py"
    file.write_text(f"from asgml.core.types import Backward\n{typed}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_modulator_of_the_readme_works(tmp_path: Path) -> None:
    file = tmp_path / "calm.py"
    file.write_text(modulator_of_the_readme(), encoding="utf-8")
    words = [
        "train",
        "--wait",
        "--method",
        "boost",
        "--epochs",
        "1",
        "--set",
        "encoder=mlp",
        "--set",
        "threads=1",
    ]
    words += ["--set", "data.options.train=128", "--runs", str(tmp_path / "runs")]
    words += ["--modulator", f"{file}:Calm"]
    done = subprocess.run(
        [*warm_asgml(), *words], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_changelog_has_the_present_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert text.index("## [Unreleased]") < text.index(f"## [{project['version']}] - ")
    assert re.findall(VERSION, text, re.MULTILINE)[0] == project["version"]
