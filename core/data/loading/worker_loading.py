"""Reading of samples from disk batch by batch, in worker processes, ahead of the training."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from asgml.core.data.base import DataError, Rows

PREFETCH = 2  # batches that each process keeps ready
IGNORED = (signal.SIGINT, signal.SIGTERM)
"""Signals that a cluster sends to every process of a job, and that the trainer alone answers."""

Inputs = dict[str, Tensor]
Result = TypeVar("Result")


def read_batches(rows: Rows, batches: Sequence[Tensor], *, pin: bool) -> Iterator[Inputs]:
    """Yield the samples at each batch's indices, in that order for any number of processes.

    `pin` puts them into page-locked memory, from which a GPU copies while it computes. Raise
    DataError.
    """
    numbers = [indices.tolist() for indices in batches]
    return map_in_workers(rows.read, numbers, rows.workers, pin=pin)


def map_in_workers(
    function: Callable[[Sequence[int]], Result],
    arguments: Sequence[Sequence[int]],
    workers: int,
    *,
    pin: bool = False,
) -> Generator[Result, None, None]:
    """Yield the result for each argument in turn, computed ahead in `workers` processes.

    With 0 workers, or a single argument, everything happens in this process. The processes end with
    the iterator, also where it is abandoned half-way. Raise DataError, whichever process it comes
    from.
    """
    # Starting a process takes longer than one batch.
    workers = min(workers, len(arguments)) if len(arguments) > 1 else 0
    loader = _make_loader(function, arguments, workers, pin=pin)
    with _signals_blocked():
        iterator = iter(loader)
    try:
        _remember_workers(iterator)
        for result in iterator:
            if isinstance(result, DataError):
                raise result
            yield result
    # a process was killed, most often for want of shared memory; the second where its batch was
    # being fetched
    except (RuntimeError, ConnectionError) as error:
        if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
            raise
        reason = str(error).partition("\n")[0]
        advice = "set data.options.workers=0 or give it more memory"
        raise DataError(f"a process that reads the data ended ({reason}); {advice}") from error
    finally:
        _stop_workers(iterator)


def _make_loader(
    function: Callable[[Sequence[int]], Result],
    arguments: Sequence[Sequence[int]],
    workers: int,
    *,
    pin: bool,
) -> DataLoader[Result | DataError]:
    """Return torch's loader of the results, one for each argument, in their order."""
    return DataLoader(
        _Calls(function, arguments),
        batch_size=None,
        collate_fn=_unchanged,
        num_workers=workers,
        prefetch_factor=PREFETCH if workers else None,
        pin_memory=pin,
        worker_init_fn=partial(_start_worker, os.getpid()),
        multiprocessing_context=_context() if workers else None,
        # Without one the loader draws a seed from torch's own generator, on which dropout depends.
        generator=torch.Generator().manual_seed(0),
    )


class _Calls(Dataset[Any]):
    """The calls as torch's loader asks for them, one by one.

    An error is handed on as a value: raised in a worker, it would arrive as a page of traceback.
    """

    def __init__(
        self, function: Callable[[Sequence[int]], Any], arguments: Sequence[Sequence[int]]
    ) -> None:
        self.function = function
        self.arguments = arguments

    def __getitem__(self, number: int) -> Any:
        try:
            return self.function(self.arguments[number])
        except DataError as error:
            return error

    def __len__(self) -> int:
        return len(self.arguments)


def _unchanged(result: Any) -> Any:
    """Return the result as it is: torch's loader would convert what it can to tensors."""
    return result


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Hold the ignored signals back while processes are forked, which inherit the block.

    A process ends of such a signal between its start and `_start_worker`: torch's own handlers
    are set first.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(trainer: int, worker: int) -> None:
    """Seed numpy and ignore the signals of the trainer, the process of this id.

    Nothing that reads draws numbers; should a library do so, no two processes draw the same. After
    a SIGTERM, which a cluster sends to every process of a job, the trainer still finishes its step
    and needs the data for it.
    """
    if (
        os.getppid() != trainer
    ):  # killed meanwhile: torch's watchdog, set later, would wait for ever
        os._exit(1)
    np.random.seed((torch.initial_seed() + worker) % 2**32)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED)


# The processes of each iterator, by its id. At its own end Python sends them SIGTERM, which they
# ignore, and waits for ever.
_processes: dict[int, list[BaseProcess]] = {}


def _remember_workers(iterator: object) -> None:
    _processes[id(iterator)] = list(getattr(iterator, "_workers", ()))


def _stop_workers(iterator: object) -> None:
    """End the iterator's processes now.

    By themselves they end with the iterator, which the traceback of a kept error keeps alive.
    """
    shut_down = getattr(iterator, "_shutdown_workers", None)
    if shut_down is not None:  # there is none where everything is read in this process
        shut_down()
    _kill(_processes.pop(id(iterator), []))


def _kill(processes: Sequence[BaseProcess]) -> None:
    """Kill the processes that are left.

    They wait for ever where another was killed while it held the lock of their queue.
    """
    for process in processes:
        if process.is_alive():
            process.kill()
            process.join()


@atexit.register
def _kill_all() -> None:
    if any(_processes.values()):
        # torch's handler would report these deaths as an error
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for processes in list(_processes.values()):
            # A forked process inherits the list, but only their parent may wait for them.
            _kill([one for one in processes if getattr(one, "_parent_pid", None) == os.getpid()])


def _context() -> str | None:
    """Return "fork" where there is one: other processes import torch anew, seconds each epoch."""
    return "fork" if "fork" in multiprocessing.get_all_start_methods() else None
