"""The warm parent: imports torch and its like once, and forks a child for each program to run.

Run as `python -P warm_parent.py FOLDER`. It listens on two sockets in the folder: behind `bare` no
module of asgml is imported, behind `ready` those of the trainer and of the command line are. It
imports nothing before the first order comes, and ends when its standard input is closed.
`warm_python.py` is the other side.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import NoReturn

ASGML = (
    "asgml.core.worker",
    "asgml.app.cli.program",
    *(f"asgml.app.commands.{name}" for name in ("ctl", "export", "show", "train")),
)
"""What is imported behind `ready`: the trainer, and the commands that tests run most."""


@dataclass(frozen=True)
class Order:
    """A program to run: its arguments as after `python -P`, its surroundings."""

    arguments: list[str]
    cwd: str
    environment: dict[str, str]
    outlives: bool
    streams: list[int]


def main() -> None:
    """Serve; in a child, run the program it was forked for."""
    order = listen(Path(sys.argv[1]))
    if order is None:
        os._exit(0)  # without unloading torch
    run(order)


def listen(folder: Path) -> Order | None:
    """Serve until the end of standard input; in a child, return its order."""
    bare, ready = (listening(folder / name) for name in ("bare", "ready"))
    if ended_before(bare, ready):
        return None
    import_packages()
    if os.fork() == 0:
        bare.close()
        for name in ASGML:
            import_module(name)
        return serve(ready)
    ready.close()
    return serve(bare)


def listening(path: Path) -> socket.socket:
    """Return a socket that takes connections under a name that appears when it does."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{path}.partial")
    listener.listen(64)
    os.rename(f"{path}.partial", path)
    return listener


def ended_before(*listeners: socket.socket) -> bool:
    """Wait for a connection or the end of standard input; return True for the end."""
    return 0 in select.select([0, *listeners], [], [])[0]


def import_packages() -> None:
    """Import what takes seconds, and nothing that starts a thread: a fork would lose it."""
    import torch
    import zarr  # noqa: F401

    # The first optimizer imports torch._dynamo.
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    assert threading.active_count() == 1


def serve(listener: socket.socket) -> Order | None:
    """Fork a keeper for each connection until standard input ends; in a child, its order."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a keeper
    gc.collect()
    gc.freeze()  # a collection in a child would touch, and so copy, every page
    while not ended_before(listener):
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            return keep(connection)
        connection.close()
    return None


def keep(connection: socket.socket) -> Order | None:
    """Fork the child of one order and report its id and its end; in the child, return the order.

    The child is killed where the other side goes away first, unless it is to outlive it.
    """
    order = receive(connection)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in (woken, wake):
            os.close(descriptor)
        connection.close()
        return order
    for stream in order.streams:
        os.close(stream)
    connection.sendall(f"{pid}\n".encode())
    awaited = [woken] if order.outlives else [woken, connection]
    if woken not in select.select(awaited, [], [])[0]:
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        connection.sendall(f"{code}\n".encode())
    finally:
        os._exit(0)


def receive(connection: socket.socket) -> Order:
    """Return the order that comes through a connection."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    with connection.makefile() as lines:
        return Order(**json.loads(lines.readline()), streams=streams)


def run(order: Order) -> NoReturn:
    """Become the program, and end as Python ends, but for the second in which torch is unloaded."""
    os.setsid()
    set_streams(order.streams, buffered="PYTHONUNBUFFERED" not in order.environment)
    os.chdir(order.cwd)
    set_environment(order.environment)
    reseed()
    code = 0
    try:
        run_program(order)
    except SystemExit as end:
        code = exit_code(end)
    except BaseException:  # noqa: BLE001 - the end of the program, as of every program
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def run_program(order: Order) -> None:
    """Run a module or code as `python -P`, a script as `python` with its folder in the path."""
    what, *rest = order.arguments
    if what == "-m":
        if not hasattr(sys.modules.get(rest[0]), "__path__"):
            sys.modules.pop(rest[0], None)  # a module, which is to run and not to be imported
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif what == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), vars(sys.modules["__main__"]))
    else:
        sys.argv = order.arguments
        if "PYTHONSAFEPATH" not in order.environment:
            sys.path.insert(0, str(Path(what).resolve().parent))
        runpy.run_path(what, run_name="__main__")


def exit_code(end: SystemExit) -> int:
    """Return the exit code of a SystemExit; print what is none, as Python does."""
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1


def set_streams(streams: list[int], *, buffered: bool) -> None:
    """Put the descriptors in the place of the standard streams."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # type: ignore[misc] # noqa: SIM115
    sys.stdout = sys.__stdout__ = output(1, "strict", buffered)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = output(2, "backslashreplace", buffered)  # type: ignore[misc]


def output(descriptor: int, errors: str, buffered: bool) -> TextIOWrapper:
    """Return a text stream that Python would open for standard output or errors."""
    buffer = open(descriptor, "wb", -1 if buffered else 0, closefd=False)  # noqa: SIM115
    lines = descriptor == 2 or os.isatty(descriptor)
    return TextIOWrapper(buffer, errors=errors, line_buffering=lines, write_through=not buffered)


def set_environment(environment: dict[str, str]) -> None:
    """Replace the environment, and the part of the search path that comes from PYTHONPATH."""
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ.clear()
    os.environ.update(environment)
    given = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:] = [*given, *(entry for entry in sys.path if entry not in inherited)]


def reseed() -> None:
    """Give the child random numbers of its own; those of torch begin alike in every process."""
    import random

    import numpy

    random.seed()
    numpy.random.seed()


if __name__ == "__main__":
    main()
