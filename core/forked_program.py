"""A program of its own in a forked process: session, streams, environment and random numbers."""

from __future__ import annotations

import atexit
import os
import random
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

import numpy as np


@dataclass(frozen=True)
class Surroundings:
    """Where a program runs: working directory, file of its output, added environment variables."""

    folder: str
    log: str
    environment: Mapping[str, str]


def become(module: str, arguments: Sequence[str], where: Surroundings) -> NoReturn:
    """Run `module.main(arguments)` in this forked process and end with its exit code.

    It ends as Python ends but for the second in which torch is unloaded.
    """
    code = 1
    try:
        _settle(where)
        sys.argv = [module, *arguments]
        code = int(import_module(module).main(arguments))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - any end is written to the log and told by the exit code
        traceback.print_exc()
    finally:
        _end(code)


def _settle(where: Surroundings) -> None:
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.chdir(where.folder)
    log = os.open(where.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    os.environ.update(where.environment)
    # as in a process that was just started; torch's generators begin alike in all of them
    random.seed()
    np.random.seed()


def _end(code: int) -> NoReturn:
    try:
        _wait_for_threads()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(code)


def _wait_for_threads() -> None:
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
