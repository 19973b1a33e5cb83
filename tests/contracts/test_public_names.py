"""The package `asgml`: its public names, the cost of importing it, and no bare import."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from warm_kit import warm_python

import asgml

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("app", "core", "storage", "tui")
CODE = [
    path
    for folder in (*FOLDERS, "tests", "benchmarks", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
CODE += sorted((ROOT / "src" / "asgml").glob("*.py"))

USERS_SCRIPT = """
import app, core, storage, tui  # the user's own, which lie beside this script

import torch
from asgml import Balancer, Knob, Modulation, Modulator, open_run

assert {app.MINE, core.MINE, storage.MINE, tui.MINE} == {True}
net = torch.nn.ModuleDict({m: torch.nn.Linear(5, 4) for m in ("audio", "visual")})
head = torch.nn.Linear(8, 3)
optimizer = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.1)
labels = torch.arange(12) % 3
with Balancer(net, widths={"audio": 4, "visual": 4}, head=head, classes=3, run="mine") as balancer:
    balancer.begin_epoch(0)
    for _ in range(3):
        optimizer.zero_grad()
        features = {m: encoder(torch.randn(12, 5)) for m, encoder in net.items()}
        logits = head(torch.cat(list(features.values()), dim=1))
        loss = torch.nn.functional.cross_entropy(logits, labels)
        loss.backward()
        balancer.step(features=features, logits=logits, labels=labels, loss=loss)
        optimizer.step()
print(open_run("mine").state(), open_run("mine").rows("steps"))
"""


def test_a_script_beside_folders_of_the_same_names_uses_the_balancer(tmp_path: Path) -> None:
    for name in ("core", "app", "tui"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("MINE = True\n")
    (tmp_path / "storage.py").write_text("MINE = True\n")
    (tmp_path / "train.py").write_text(USERS_SCRIPT)
    done = subprocess.run(
        [*warm_python(), "train.py"], cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "finished 3\n"


def test_nothing_imports_the_four_by_their_bare_names() -> None:
    found = {path: bare_imports(ast.parse(path.read_text(encoding="utf-8"))) for path in CODE}
    assert len(CODE) > 300 and {path: names for path, names in found.items() if names} == {}


def bare_imports(tree: ast.Module) -> list[str]:
    """Return the imported modules whose first name is that of one of the four folders."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append(node.module or "")
    return [name for name in found if name.partition(".")[0] in FOLDERS]


def test_the_check_of_bare_names_finds_them() -> None:
    code = "import core.x\nfrom storage import y\nimport asgml.core\nfrom .tui import z\n"
    assert bare_imports(ast.parse(code)) == ["core.x", "storage"]


def test_documents_import_by_the_public_name() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "examples").glob("*.md"), *(ROOT / "docs").glob("*.md")]
    pages += [page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md")]
    bare = re.compile(rf"^\s*(?:from|import) (?:{'|'.join(FOLDERS)})\b", re.MULTILINE)
    assert [str(page) for page in pages if bare.search(page.read_text(encoding="utf-8"))] == []


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, asgml; dir(asgml); print({'torch', 'numpy', 'zarr'} & {*sys.modules})"
    said = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert said.stdout == "set()\n", said.stderr


@pytest.mark.parametrize("name", asgml.__all__)
def test_a_public_name_is_that_of_its_module(name: str) -> None:
    value = getattr(asgml, name)
    assert value.__name__ == name
    assert value.__module__.startswith("asgml.")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Balance'"):
        asgml.Balance  # noqa: B018


@pytest.mark.parametrize("name", FOLDERS)
def test_the_four_folders_are_found_under_the_public_name_alone(name: str, tmp_path: Path) -> None:
    """In an editable install too: what it puts on the path holds asgml and nothing else."""
    code = f"import asgml.{name}; import {name}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert f"No module named '{name}'" in done.stderr


def test_dir_lists_the_public_names() -> None:
    assert dir(asgml) == sorted([*asgml.__all__, "__version__"])


def test_the_version_is_that_of_the_project() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    said = subprocess.run(
        [sys.executable, "-P", "-m", "asgml", "--version"],
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    assert said.returncode == 0, said.stderr
    assert f'version = "{said.stdout.split()[1]}"' in text
    assert f'version = "{asgml.__version__}"' in text
