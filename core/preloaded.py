"""The preloaded process: imports torch and the trainer once, and forks a trainer for each request.

`python -P -m asgml.core.preloaded [MODULE …]` imports those modules too, then answers the requests
on its standard input, one JSON object a line:

    {"id": 1, "program": "worker", "arguments": [RUN, "--resume"], "folder": RUN, "log": FILE,
     "environment": {"CUDA_VISIBLE_DEVICES": "0"}}

with `{"ready": PID}` once, `{"id": 1, "pid": N}`, or `{"id": 1, "error": TEXT}`, and at the end of
that process `{"id": 1, "exit": CODE}` (minus the signal that ended it). It ends when its input is
closed; what it has forked goes on.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module

from asgml.core.forked_program import Surroundings, become

PROGRAMS = {"worker": "asgml.core.worker", "ensemble": "asgml.core.ensemble_worker"}
"""What can be asked for: modules with `main(arguments) -> exit code`."""
ALWAYS = ("torch", "torch._dynamo", *PROGRAMS.values())
"""Imported before the first request; the first optimizer of a process imports torch._dynamo."""
READ_AT_ONCE = 1 << 16  # bytes


@dataclass(frozen=True)
class Request:
    """A program to run in a process of its own."""

    id: int
    program: str
    arguments: Sequence[str]
    folder: str  # its working directory
    log: str  # the file that its output is appended to
    environment: dict[str, str] = field(default_factory=dict)  # beside that of this process


@dataclass(frozen=True)
class Channel:
    """The descriptors of this process: requests, answers, and the wake-up of an ended child."""

    requests: int
    answers: int
    woken: int

    def answer(self, **record: int | str) -> None:
        """Write one line; nobody may be there any more to read it."""
        with suppress(BrokenPipeError):
            os.write(self.answers, json.dumps(record).encode() + b"\n")

    def lines(self) -> Iterator[bytes]:
        """Yield each request; b"" where a child may have ended. Return at the end of the input."""
        rest = b""
        while True:
            readable = select.select([self.requests, self.woken], [], [])[0]
            if self.woken in readable:
                os.read(self.woken, READ_AT_ONCE)
                yield b""
            if self.requests in readable:
                block = os.read(self.requests, READ_AT_ONCE)
                if not block:
                    return
                *whole, rest = (rest + block).split(b"\n")
                yield from whole


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until the input is closed, then leave without unloading torch."""
    channel = _private_channel()
    for name in (*ALWAYS, *(sys.argv[1:] if argv is None else argv)):
        import_module(name)
    _refuse_touched_cuda()
    # the only thread here is that of OpenBLAS, which stops it before a fork and starts it after
    warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
    gc.collect()
    gc.freeze()  # a collection in a child would touch, and so copy, every page
    channel.answer(ready=os.getpid())
    serve(channel)
    os._exit(0)


def serve(channel: Channel) -> None:
    """Fork for each request, and report each end."""
    running: dict[int, int] = {}  # process -> request
    for line in channel.lines():
        if line:
            _start(Request(**json.loads(line)), channel, running)
        else:
            _report_ended(channel, running)


def _start(request: Request, channel: Channel, running: dict[int, int]) -> None:
    try:
        pid = os.fork()
    except OSError as error:  # too many processes, or no memory
        channel.answer(id=request.id, error=f"no process can be started: {error.strerror}")
        return
    if pid == 0:
        _leave_parent(channel)
        where = Surroundings(request.folder, request.log, request.environment)
        become(PROGRAMS[request.program], request.arguments, where)
    running[pid] = request.id
    channel.answer(id=request.id, pid=pid)


def _report_ended(channel: Channel, running: dict[int, int]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            channel.answer(id=running.pop(pid), exit=os.waitstatus_to_exitcode(status))


def _private_channel() -> Channel:
    """Take the pipes from the standard streams, so that no import can write into them."""
    requests, answers = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    return Channel(requests, answers, woken)


def _leave_parent(channel: Channel) -> None:
    """Give back, in a child, what belongs to the parent alone."""
    os.close(signal.set_wakeup_fd(-1))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor in (channel.requests, channel.answers, channel.woken):
        os.close(descriptor)


def _refuse_touched_cuda() -> None:
    """Raise RuntimeError where an import has initialised CUDA: no fork could use it."""
    import torch

    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        raise RuntimeError("CUDA was initialised by an import; trainers are started one by one")


if __name__ == "__main__":
    main()
