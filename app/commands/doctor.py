"""`asgml doctor`: check that this computer and this terminal have what the program needs."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import psutil

from asgml.app.errors import FAILED, OK
from asgml.app.launcher import worker_environment
from asgml.app.output import console, print_json
from asgml.app.settings import runs_directory, settings_file
from asgml.storage.format.layout import list_runs
from asgml.storage.format.safe_text import one_line, safe

SCARCE = 2 * 2**30
"""Free bytes below which a training with checkpoints may fill the disk."""
PACKAGES = ("asgml", "textual", "rich", "typer", "zarr", "numpy", "pydantic", "plotext")
SHARED = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "lustre", "beegfs")
ASK_TORCH = """
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(),
                  "device": torch.cuda.get_device_name(0) if cuda else "cpu"}))
"""


@dataclass(frozen=True)
class Check:
    """One finding. The program cannot do without what is `missing`; a `note` is good to know."""

    name: str
    status: Literal["ok", "note", "missing"]
    found: str
    remedy: str = ""


def doctor(runs: Path | None, json_: bool) -> int:
    """Print every finding; exit code 1 if something needed is missing."""
    checks = [
        *_python(),
        _torch(),
        *_packages(),
        _parquet(),
        *_terminal(),
        *_storage(runs_directory(runs)),
    ]
    if json_:
        print_json([asdict(check) for check in checks])
    else:
        _print(checks)
    return FAILED if any(check.status == "missing" for check in checks) else OK


def _print(checks: list[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    styles = {"ok": "green", "note": "yellow", "missing": "red"}
    table = Table("", "what", "found", "what to do", box=None, pad_edge=False)
    for check in checks:
        texts = (
            Text(safe(text), overflow="fold") for text in (check.name, check.found, check.remedy)
        )
        table.add_row(Text(check.status, styles[check.status]), *texts)
    console().print(table)


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


def _terminal() -> list[Check]:
    here = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))
    size = shutil.get_terminal_size()
    term = os.environ.get("TERM", "")
    encoding = (sys.stdout.encoding or "").lower()
    checks = [
        Check(
            "terminal",
            "ok" if here else "note",
            term or "TERM is not set",
            "" if here else "not a terminal: the dashboard needs one",
        ),
        _size(size.columns, size.lines),
        Check("colours", "ok", _colours(term)),
    ]
    if encoding.replace("-", "") == "utf8":
        checks.append(Check("characters", "ok", "UTF-8"))
    else:
        checks.append(
            Check("characters", "note", encoding or "unknown", "set LANG=C.UTF-8, or use --ascii")
        )
    over = [
        word
        for word, name in (("tmux", "TMUX"), ("screen", "STY"), ("SSH", "SSH_CONNECTION"))
        if os.environ.get(name)
    ]
    return [*checks, Check("through", "ok", ", ".join(over) or "neither tmux nor SSH")]


def _size(columns: int, rows: int) -> Check:
    if columns >= 80 and rows >= 24:
        return Check("size", "ok", f"{columns}x{rows}")
    return Check("size", "note", f"{columns}x{rows}", "the dashboard shows more from 80x24 on")


def _colours(term: str) -> str:
    if "NO_COLOR" in os.environ:
        return "none, as NO_COLOR asks"
    if os.environ.get("COLORTERM") in {"truecolor", "24bit"}:
        return "true colour"
    return "256" if "256" in term else "none" if term in {"", "dumb"} else "16"


def _storage(runs: Path) -> list[Check]:
    """Check the runs directory, or the nearest directory above it that exists."""
    place = runs.absolute()
    while not place.is_dir():
        place = place.parent
    free = shutil.disk_usage(place).free
    settings = settings_file()
    return [
        Check(
            "runs",
            "ok",
            f"{runs.absolute()}, {len(list_runs(runs))} runs"
            + ("" if place == runs.absolute() else ", not made yet"),
        ),
        _writable(place),
        _disk(free),
        _file_system(place),
        Check(
            "settings",
            "ok",
            f"{settings}" + ("" if settings.is_file() else ", not there: defaults are used"),
        ),
    ]


def _disk(free: int) -> Check:
    found = f"{free / 2**30:.1f} GiB free"
    if free > SCARCE:
        return Check("disk", "ok", found)
    return Check("disk", "note", found, "free some space: checkpoints may fill the disk")


def _writable(place: Path) -> Check:
    try:
        with tempfile.NamedTemporaryFile(dir=place) as file:
            file.write(b"asgml")
    except OSError as error:
        return Check(
            "write",
            "missing",
            f"{place}: {error.strerror}",
            "give --runs DIR, or set ASGML_RUNS to a directory you may write to",
        )
    return Check("write", "ok", f"{place} can be written to")


def _file_system(place: Path) -> Check:
    mounts = [
        part for part in psutil.disk_partitions(all=True) if place.is_relative_to(part.mountpoint)
    ]
    if not mounts:
        return Check("file system", "note", "unknown")
    kind = max(mounts, key=lambda part: len(part.mountpoint)).fstype
    return Check(
        "file system",
        "ok",
        f"{kind} (shared between computers)" if kind.startswith(SHARED) else kind,
    )
