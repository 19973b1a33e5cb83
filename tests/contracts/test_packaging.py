"""The installed package: one top-level name, the same from tree and sdist, that trains."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from warm_kit import warm_asgml

ROOT = Path(__file__).resolve().parents[2]
NEEDED = (
    "asgml/py.typed",
    "asgml/app/recipes/demo.toml",
    "asgml/core/worker.py",
    "asgml/storage/FORMAT.md",
    "asgml/tui/screens/main.tcss",
)
"""Files of every kind that an installed program reads or promises."""


def built(source: Path, target: str, folder: Path) -> Path:
    """Build a wheel or an sdist with the backend itself, which needs no network."""
    subprocess.run(
        [sys.executable, "-P", "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    return next(iter(folder.iterdir()))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the tree."""
    return built(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel_of_sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the unpacked sdist."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(built(ROOT, "sdist", folder / "built")) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    return built(next((folder / "unpacked").iterdir()), "wheel", folder / "wheel")


def content(wheel: Path) -> dict[str, bytes]:
    """Return every file of a wheel but the metadata, which names the files themselves."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        return {name: archive.read(name) for name in names}


def test_a_wheel_holds_one_top_level_package(wheel: Path) -> None:
    names = content(wheel)
    assert {name.split("/")[0] for name in names} == {"asgml"}
    assert [name for name in NEEDED if name not in names] == []
    assert [name for name in names if "__pycache__" in name or "/tests/" in name] == []


def test_the_sdist_gives_the_same_wheel(wheel: Path, wheel_of_sdist: Path) -> None:
    assert content(wheel) == content(wheel_of_sdist)


def test_the_installed_package_trains(wheel: Path, tmp_path: Path) -> None:
    """The wheel alone, unpacked, in a directory whose files bear the names of its four folders."""
    site, here = tmp_path / "site", tmp_path / "here"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    for name in ("core", "app", "storage", "tui"):
        (here / name).mkdir(parents=True)
        (here / name / "__init__.py").write_text("raise SystemExit('a foreign file was run')\n")
    environment = {**os.environ, "PYTHONPATH": str(site), "XDG_CONFIG_HOME": str(tmp_path)}
    *python, code = warm_asgml(ready=False)  # the wheel's package is the only one imported
    words = "train --epochs 1 --wait --set encoder=mlp --set data.options.train=64 --runs runs"
    done = subprocess.run(
        [*python, f"import asgml; print(asgml.__file__)\n{code}", *words.split()],
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    imported, run = done.stdout.splitlines()
    assert Path(imported).is_relative_to(site)
    assert list((Path(run) / "checkpoints").glob("step-*.pt"))
