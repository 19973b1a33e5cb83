"""The README tells the truth: its tree is the tree, its commands exist, its modulator works, its files are there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tree import ROOT, tree

from asgml.core.methods.table import METHODS

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    ROOT / name
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LOG.md")
]


def test_the_tree_is_the_tree() -> None:
    assert tree() in README, "run `uv run python tests/docs/tree.py`"


def test_every_method_is_named() -> None:
    assert [name for name in METHODS if f"`{name}`" not in README] == []


def test_every_command_that_is_shown_exists() -> None:
    shown = {
        shlex.split(words)[0]
        for words in re.findall(r"(?:^|`|uv run )asgml ([a-z][^`\n#]*)", README, re.MULTILINE)
    }
    listed = subprocess.run(
        [sys.executable, "-P", "-m", "asgml.app", "--help"],
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


def test_the_modulator_of_the_readme_works(tmp_path: Path) -> None:
    code = next(
        block
        for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL)
        if "class " in block
    )
    file = tmp_path / "calm.py"
    file.write_text(code, encoding="utf-8")
    quick = [
        "--epochs",
        "1",
        "--set",
        "encoder=mlp",
        "--set",
        "data.options.train=128",
        "--set",
        "threads=1",
    ]
    words = [
        "train",
        "--wait",
        "--method",
        "boost",
        "--modulator",
        f"{file}:Calm",
        "--runs",
        str(tmp_path / "runs"),
        *quick,
    ]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "asgml.app", *words],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
