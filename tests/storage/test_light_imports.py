"""Light imports: neither the dashboard's first frame nor the command line waits for zarr."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIGHT = (
    "commands.inbox",
    "commands.request",
    "format.events",
    "format.layout",
    "format.metrics",
    "format.knobs",
    "format.manifest",
    "format.status",
    "read.clock",
    "read.history",
    "write.write_buffer",
)
HEAVY = {"zarr", "numpy", "psutil", "torch", "textual", "pydantic", "rich", "typer"}


def imported_by(module: str) -> set[str]:
    program = f"import sys, asgml.storage.{module}; "
    program += "print(*{name.partition('.')[0] for name in sys.modules})"
    return set(
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.split()
    )


@pytest.mark.parametrize("module", LIGHT)
def test_the_light_parts_load_the_standard_library_only(module: str) -> None:
    assert not imported_by(module) & HEAVY


@pytest.mark.parametrize("module", ["read.reader", "write.writer", "read.check"])
def test_the_heavy_parts_load_neither_torch_nor_a_user_interface(module: str) -> None:
    assert imported_by(module) & HEAVY <= {"zarr", "numpy", "psutil", *imported_by_zarr()}


def imported_by_zarr() -> set[str]:
    program = "import sys, zarr; print(*{name.partition('.')[0] for name in sys.modules})"
    return set(
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.split()
    )
