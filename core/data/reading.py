"""Reads samples from disk batch by batch, in several processes, ahead of the training that uses them."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from core.data.base import DataError, Rows

AHEAD = 2  # batches that each process keeps ready

Inputs = dict[str, Tensor]


def read_batches(rows: Rows, chosen: Sequence[Tensor], *, pin: bool) -> Iterator[Inputs]:
    """The samples at each of these indices in turn, in that order, whatever the number of processes.

    `pin` puts them into page-locked memory, from which a GPU copies while it computes. Raises DataError.
    """
    workers = min(rows.workers, len(chosen)) if len(chosen) > 1 else 0  # a process costs more than one batch
    loader: DataLoader[Inputs | DataError] = DataLoader(
        _Samples(rows),
        batch_sampler=[indices.tolist() for indices in chosen],
        collate_fn=_as_it_is,
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        pin_memory=pin,
        worker_init_fn=_begin_worker,
        multiprocessing_context=_context() if workers else None,
    )
    try:
        for read in loader:
            if isinstance(read, DataError):
                raise read
            yield read
    except RuntimeError as error:  # a process was killed, most often for want of shared memory
        if "DataLoader worker" not in str(error):
            raise
        reason = str(error).partition("\n")[0]
        raise DataError(f"a process that reads the data ended ({reason}); set data.options.workers=0 or give it more memory") from error


class _Samples(Dataset[Inputs]):
    """Gives torch's loader whole batches. An error is handed on as a value: raised, it would come as a page of traceback."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __getitems__(self, numbers: Sequence[int]) -> Inputs | DataError:
        try:
            return self.rows.read(numbers)
        except DataError as error:
            return error

    def __getitem__(self, number: int) -> Inputs:
        return self.rows.read([number])

    def __len__(self) -> int:
        return len(self.rows)


def _as_it_is(read: Any) -> Any:
    return read


def _begin_worker(worker: int) -> None:
    """Nothing that reads draws numbers; should a library do so, no two processes draw the same. Signals are the trainer's."""
    np.random.seed((torch.initial_seed() + worker) % 2**32)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _context() -> str | None:
    """Forked processes start at once; others import torch anew, seconds each, at every epoch."""
    return "fork" if "fork" in multiprocessing.get_all_start_methods() else None
