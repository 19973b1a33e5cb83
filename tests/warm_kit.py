"""The tests' side of the warm parent: starts it, and runs programs in its forks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from warm_python import WarmProcess

HERE = Path(__file__).resolve().parent
VARIABLE = "WARM_PARENT"
"""The environment variable through which the folder of the sockets reaches every worker."""


class WarmParent:
    """The process that forks, and the folder of its sockets. One for all workers of a session."""

    def __init__(self) -> None:
        # In a short path: the name of a socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="warm-", dir="/tmp"))
        os.environ[VARIABLE] = str(self.folder)
        # In a session of its own: Ctrl-C ends the tests, which end it.
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(HERE / "warm_parent.py"), str(self.folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def close(self) -> None:
        """End it. What it forked ends by itself."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.folder)


def warm_python(*, ready: bool = False) -> list[str]:
    """Return what takes the place of `python -P` in a command line.

    A `ready` one has imported the trainer and the command line of this tree.
    """
    return [sys.executable, "-I", "-S", str(HERE / "warm_python.py"), address(ready)]


def address(ready: bool) -> str:
    """Return the socket behind which asgml is or is not imported."""
    return os.path.join(os.environ[VARIABLE], "ready" if ready else "bare")


PROGRAM = """
import sys
import asgml, asgml.app.launcher
sys.path.insert(0, {here!r})
from warm_kit import warm_subprocess
del sys.path[0]
asgml.app.launcher.subprocess = warm_subprocess(ready={ready})
from asgml.app.cli.program import main
main()
"""


def warm_asgml(*, ready: bool = True) -> list[str]:
    """Return what takes the place of `asgml` in a command line; the trainers it starts are warm."""
    code = PROGRAM.format(here=str(HERE), ready=ready)
    return [*warm_python(ready=ready), "-c", code]


def warm_subprocess(*, ready: bool = True) -> SimpleNamespace:
    """Return what takes the place of the module `subprocess` in the launcher."""

    def popen(arguments: list[str], *, cwd: Path, env: Mapping[str, str], **rest: Any) -> Any:
        assert arguments[:2] == [sys.executable, "-P"] and rest["start_new_session"]
        with open(os.devnull, "rb") as nothing:
            streams = (nothing.fileno(), rest["stdout"].fileno(), rest["stderr"].fileno())
            return WarmProcess(
                address(ready),
                arguments[2:],
                cwd=str(cwd),
                environment=env,
                streams=streams,
                outlives=True,
            )

    return SimpleNamespace(Popen=popen, DEVNULL=subprocess.DEVNULL)


def start_program(
    arguments: list[str], *, cwd: Path, log: Path, environment: Mapping[str, str] = os.environ
) -> WarmProcess:
    """Start a program behind `ready`, with its output appended to a file."""
    with log.open("ab") as output, open(os.devnull, "rb") as nothing:
        return WarmProcess(
            address(True),
            arguments,
            cwd=str(cwd),
            environment=environment,
            streams=(nothing.fileno(), output.fileno(), output.fileno()),
        )
