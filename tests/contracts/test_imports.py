"""The borders between the four packages, and what each command really loads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "numcodecs",
    "pydantic_settings",
    "torch",
    "torchvision",
    "textual",
    "zarr",
    "numpy",
    "pydantic",
    "rich",
    "plotext",
    "psutil",
)
REPORT = (
    "import json, sys; "
    "print('\\n' + json.dumps([name for name in {heavy!r} if name in sys.modules]))"
)


def loaded_by(code: str) -> set[str]:
    """The heavy packages that are loaded after `code` ran in a fresh interpreter."""
    program = f"{code}\n{REPORT.format(heavy=HEAVY)}"
    said = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd="/",
        env=_environment(),
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    return set(json.loads(said.stdout.splitlines()[-1]))


def loaded_by_command(*arguments: str) -> set[str]:
    return loaded_by(f"from asgml.app.cli.program import run; assert run({list(arguments)!r}) == 0")


def _environment() -> dict[str, str]:
    found = {
        "PYTHONPATH": str(ROOT / "src"),
        "XDG_CONFIG_HOME": "/nowhere",
        "PATH": "/usr/bin:/bin",
    }
    return found | {"XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", "/nowhere")}


def test_the_arrows_between_the_packages_point_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    said = subprocess.run([str(linter), "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "0 broken" in said.stdout


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_loads_typer_only(arguments: tuple[str, ...]) -> None:
    assert loaded_by_command(*arguments) == set()


@pytest.mark.parametrize(
    "arguments", [("train", "--help"), ("config", "--help"), ("data", "check", "--help")]
)
def test_the_help_of_a_command_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert loaded_by_command(*arguments) <= {
        "pydantic"
    }  # typer parses --help with it where there are arguments


@pytest.mark.parametrize(
    "arguments",
    [
        ("methods",),
        ("methods", "boost"),
        ("runs", "--runs", "/nowhere"),
        ("config", "show"),
        ("data", "list"),
    ],
)
def test_light_commands_load_neither_torch_nor_textual_nor_zarr(arguments: tuple[str, ...]) -> None:
    assert loaded_by_command(*arguments).isdisjoint(
        {"torch", "torchvision", "textual", "zarr", "numpy"}
    )


GOLDEN = str(ROOT / "tests" / "data" / "golden-v1")


@pytest.mark.parametrize(
    ("arguments", "light"),
    [
        (("show", GOLDEN, "--json"), {"rich", "plotext", "psutil", "pydantic"}),
        (("show", GOLDEN), {"psutil"}),
        (("tail", GOLDEN), {"rich", "plotext", "psutil", "pydantic"}),
        (("tail", GOLDEN, "--json"), {"rich", "plotext", "psutil", "pydantic"}),
    ],
)
def test_looking_at_a_run_on_this_disk_loads_no_zarr(
    arguments: tuple[str, ...], light: set[str]
) -> None:
    unwanted = {"torch", "torchvision", "textual", "zarr", "numcodecs"}
    assert loaded_by_command(*arguments).isdisjoint(unwanted | light)


def test_the_table_of_runs_loads_no_zarr_for_a_run_it_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(GOLDEN, tmp_path / "runs" / "golden")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for options in ([], ["--json"]):
        loaded = loaded_by_command("runs", "--runs", str(tmp_path / "runs"), *options)
        assert loaded.isdisjoint({"torch", "zarr", "numcodecs", "rich", "psutil", "pydantic"})


def test_a_run_in_other_codecs_is_read_by_zarr(tmp_path: Path) -> None:
    root = tmp_path / "foreign"
    shutil.copytree(GOLDEN, root)
    make = (
        "import sys, zarr; group = zarr.open_group(sys.argv[1], mode='r+'); old = group['steps']; "
        "rows, named = old[:], dict(old.attrs); "
        "new = group.create_array('steps', data=rows, chunks=rows.shape, overwrite=True); "
        "new.attrs.update(named)"
    )
    subprocess.run([sys.executable, "-c", make, str(root / "run.zarr")], check=True)
    assert "zarr" in loaded_by_command("show", str(root), "--json")
    assert loaded_by_command("show", GOLDEN, "--json").isdisjoint({"zarr"})


@pytest.mark.parametrize(
    "module",
    [
        *(
            f"format.{name}"
            for name in ("layout", "knobs", "metrics", "manifest", "status", "events")
        ),
        "commands.inbox",
        *(f"alerts.{name}" for name in ("rules", "user_rules", "alert", "acknowledged")),
        "read.clock",
    ],
)
def test_the_light_modules_of_storage_load_neither_numpy_nor_zarr(module: str) -> None:
    assert loaded_by(f"import asgml.storage.{module}").isdisjoint(
        {"numpy", "zarr", "torch", "textual", "pydantic", "rich"}
    )


def test_the_dashboard_loads_no_torch() -> None:
    assert loaded_by("import asgml.tui.app").isdisjoint(
        {"torch", "torchvision", "pydantic", "zarr", "plotext"}
    )


@pytest.mark.parametrize(
    "module",
    ["asgml.core.config.run_config", "asgml.core.methods.registry", "asgml.core.data.base"],
)
def test_the_light_modules_of_core_load_no_torch(module: str) -> None:
    assert loaded_by(f"import {module}").isdisjoint({"torch", "torchvision", "numpy", "textual"})


def test_the_trainer_loads_neither_the_dashboard_nor_the_command_line() -> None:
    assert loaded_by("import asgml.core.worker").isdisjoint({"textual", "rich", "plotext"})


def test_the_watcher_of_alerts_is_light() -> None:
    assert loaded_by("import asgml.app.alerts.watcher").isdisjoint(
        {"torch", "torchvision", "textual", "zarr", "rich", "plotext"}
    )
