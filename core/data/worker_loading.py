"""Reads samples from disk batch by batch, in several processes, ahead of the training that uses them."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from asgml.core.data.base import DataError, Rows

AHEAD = 2  # batches that each process keeps ready

Inputs = dict[str, Tensor]
Read = TypeVar("Read")


def read_batches(rows: Rows, chosen: Sequence[Tensor], *, pin: bool) -> Iterator[Inputs]:
    """The samples at each of these indices in turn, in that order, whatever the number of processes.

    `pin` puts them into page-locked memory, from which a GPU copies while it computes. Raises DataError.
    """
    return map_in_workers(
        rows.read, [indices.tolist() for indices in chosen], rows.workers, pin=pin
    )


def map_in_workers(
    read: Callable[[Sequence[int]], Read],
    chosen: Sequence[Sequence[int]],
    workers: int,
    *,
    pin: bool = False,
) -> Generator[Read, None, None]:
    """What `read` makes of each of these in turn, in that order; read ahead in so many processes, or here for 0.

    They end with the iterator, also where it is given up half-way. Raises DataError, whichever process it comes from.
    """
    workers = (
        min(workers, len(chosen)) if len(chosen) > 1 else 0
    )  # a process costs more than one batch
    loader: DataLoader[Read | DataError] = DataLoader(
        _Requests(read, chosen),
        batch_size=None,
        collate_fn=_unchanged,
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        pin_memory=pin,
        worker_init_fn=_start_worker,
        multiprocessing_context=_context() if workers else None,
        generator=torch.Generator().manual_seed(
            0
        ),  # the loader would draw a seed from torch's own, on which dropout depends
    )
    iterator = iter(loader)
    try:
        _remember_workers(iterator)
        for part in iterator:
            if isinstance(part, DataError):
                raise part
            yield part
    except RuntimeError as error:  # a process was killed, most often for want of shared memory
        if "DataLoader worker" not in str(error):
            raise
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"a process that reads the data ended ({reason}); set data.options.workers=0 or give it more memory"
        ) from error
    finally:
        _stop_workers(iterator)


class _Requests(Dataset[Any]):
    """What torch's loader asks for, one by one. An error is handed on as a value: raised, it would come as a page of traceback."""

    def __init__(
        self, read: Callable[[Sequence[int]], Any], chosen: Sequence[Sequence[int]]
    ) -> None:
        self.read = read
        self.chosen = chosen

    def __getitem__(self, number: int) -> Any:
        try:
            return self.read(self.chosen[number])
        except DataError as error:
            return error

    def __len__(self) -> int:
        return len(self.chosen)


def _unchanged(part: Any) -> Any:
    """torch's loader would turn what it can into tensors."""
    return part


def _start_worker(worker: int) -> None:
    """Nothing that reads draws numbers; should a library do so, no two processes draw the same. Signals are the trainer's.

    It goes on to the end of its step after a SIGTERM, which a cluster sends to every process of a job.
    """
    np.random.seed((torch.initial_seed() + worker) % 2**32)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


_processes: dict[int, list[BaseProcess]] = {}
"""The processes of each iterator, of this process: at its end Python would wait for ever for one that ignores SIGTERM."""


def _remember_workers(iterator: object) -> None:
    _processes[id(iterator)] = list(getattr(iterator, "_workers", ()))


def _stop_workers(iterator: object) -> None:
    """Ends the iterator's processes now. An error that is held keeps the iterator, which by itself would keep them."""
    shut_down = getattr(iterator, "_shutdown_workers", None)
    if shut_down is not None:  # there is none where everything is read here
        shut_down()
    _kill(_processes.pop(id(iterator), []))


def _kill(processes: Sequence[BaseProcess]) -> None:
    """Those that are left: another one that was killed while it held their queue's lock makes them wait for ever."""
    for process in processes:
        if process.is_alive():
            process.kill()
            process.join()


@atexit.register
def _kill_all() -> None:
    if any(_processes.values()):
        signal.signal(
            signal.SIGCHLD, signal.SIG_DFL
        )  # torch's handler would call these deaths an error
        for processes in list(_processes.values()):
            _kill(
                [
                    process
                    for process in processes
                    if getattr(process, "_parent_pid", None) == os.getpid()
                ]
            )


def _context() -> str | None:
    """Forked processes start at once; others import torch anew, seconds each, at every epoch."""
    return "fork" if "fork" in multiprocessing.get_all_start_methods() else None
