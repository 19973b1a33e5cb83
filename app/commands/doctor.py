"""`asgml doctor`: check that this computer and this terminal have what the program needs."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from asgml.app.commands.doctor_alerts import alert_checks
from asgml.app.commands.doctor_report import Check, print_checks
from asgml.app.commands.doctor_storage import storage_checks
from asgml.app.commands.doctor_terminal import terminal_checks
from asgml.app.errors import FAILED, OK
from asgml.app.launcher import worker_environment
from asgml.app.preferences import runs_directory
from asgml.storage.format.safe_text import one_line

PACKAGES = ("asgml", "textual", "rich", "typer", "zarr", "numpy", "pydantic", "plotext")
ASK_TORCH = """
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(),
                  "device": torch.cuda.get_device_name(0) if cuda else "cpu"}))
"""


def doctor(runs: Path | None, json_: bool) -> int:
    """Print every finding; exit code 1 if something needed is missing."""
    checks = [
        *_python(),
        _torch(),
        *_packages(),
        _parquet(),
        *terminal_checks(),
        *storage_checks(runs_directory(runs)),
        *alert_checks(),
    ]
    print_checks(checks, json_)
    return FAILED if any(check.status == "missing" for check in checks) else OK


def _python() -> list[Check]:
    return [
        Check("python", "ok", f"{platform.python_version()} at {sys.executable}"),
        Check("system", "ok", f"{platform.system()} {platform.release()}, {os.cpu_count()} CPUs"),
    ]


def _torch() -> Check:
    """Ask in a process of its own: importing torch takes seconds and may itself be broken."""
    command = [sys.executable, "-P", "-c", ASK_TORCH]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=120, env=worker_environment(os.environ)
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("torch", "missing", one_line(error), "reinstall torch")
    if asked.returncode != 0:
        return Check(
            "torch",
            "missing",
            one_line(asked.stderr.strip().splitlines()[-1:] or ["no answer"]),
            "reinstall torch",
        )
    answer = json.loads(asked.stdout)
    return Check(
        "torch",
        "ok",
        f"{answer['version']}, trains on {answer['device']}, {answer['threads']} threads",
    )


def _packages() -> list[Check]:
    return [_package(name) for name in PACKAGES]


def _package(name: str) -> Check:
    try:
        return Check(name, "ok", version(name))
    except PackageNotFoundError:
        return Check(name, "missing", "not installed", "install asgml with its dependencies")


def _parquet() -> Check:
    try:
        return Check("pyarrow", "ok", version("pyarrow"))
    except PackageNotFoundError:
        return Check(
            "pyarrow",
            "note",
            "not installed",
            "only `asgml export --to parquet` needs it: pip install 'asgml[parquet]'",
        )
