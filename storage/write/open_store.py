"""Opening a store for its one writer: a new one, or that of a run that is resumed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import zarr

from asgml.storage.format.array_metadata import read_array_metadata
from asgml.storage.format.arrays import create_store, open_array
from asgml.storage.format.bounded_file import read_json_object
from asgml.storage.format.bounded_store import BoundedStore
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.process import this_process
from asgml.storage.format.safe_text import error_line
from asgml.storage.format.status import TEXTS, Head, State, head_from_slots
from asgml.storage.write.lock import WriterLock


@dataclass(frozen=True)
class OpenStore:
    """A store that this process alone may write. `head`: the mark to begin or go on from."""

    paths: RunPaths
    lock: WriterLock
    group: zarr.Group
    head: Head


@contextmanager
def new_store(paths: RunPaths, manifest: Manifest) -> Iterator[OpenStore]:
    """Create a store; its lock is released where the block raises.

    Raise FormatError where there is a run already, WriterLockedError where another process
    writes it.
    """
    paths.root.mkdir(parents=True, exist_ok=True)
    paths.commands.mkdir(exist_ok=True)
    with _locked(paths) as lock:
        if _has_head(paths):
            raise FormatError(
                f"{paths.root} holds a run already; resume it, or choose another name"
            )
        yield OpenStore(paths, lock, create_store(paths.store, manifest), _first_head())


@contextmanager
def resumed_store(paths: RunPaths) -> Iterator[OpenStore]:
    """Open the store of a run for its next segment; its lock is released where the block raises.

    Raise FormatError where there is no run or its metadata are damaged, WriterLockedError where
    another process writes it.
    """
    if not _has_head(paths):
        raise FormatError(
            f"{paths.root} holds no run to resume: there is no {paths.store.name}/head"
        )
    with _locked(paths) as lock:
        _remove_partials(paths)
        group, old = _opened(paths)
        pid, start = this_process()
        head = replace(
            old, state=State.STARTING, pid=pid, process_start=start, segment=old.segment + 1
        )
        yield OpenStore(paths, lock, group, head)


@contextmanager
def _locked(paths: RunPaths) -> Iterator[WriterLock]:
    """Hold the writer lock; it is kept after the block, and released where the block raises."""
    lock = WriterLock(paths.lock)
    try:
        yield lock
    except BaseException:
        lock.release()
        raise


def _opened(paths: RunPaths) -> tuple[zarr.Group, Head]:
    """Return the group and the head of a store. Raise FormatError for damaged metadata."""
    read_json_object(paths.store / "zarr.json")
    for name in (*TABLES, *TEXTS, "head"):
        read_array_metadata(paths.store, name)
    store = BoundedStore(paths.store, read_only=False)
    try:
        group = zarr.open_group(store, mode="r+", zarr_format=3, use_consolidated=False)
        return group, head_from_slots(np.asarray(open_array(group, "head")[:]).tolist())
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(f"{paths.store} cannot be opened ({error_line(error)})") from error


def _first_head() -> Head:
    pid, start = this_process()
    return Head(
        seq=0,
        heartbeat=0,
        state=State.STARTING,
        pid=pid,
        process_start=start,
        segment=0,
        step=0,
        epoch=0,
        rows={str(table): 0 for table in TABLES},
        text_bytes=dict.fromkeys(TEXTS, 0),
    )


def _has_head(paths: RunPaths) -> bool:
    return (paths.store / "head" / "zarr.json").exists()


def _remove_partials(paths: RunPaths) -> None:
    """Remove the files that a killed writer had written and not yet renamed."""
    for partial in paths.store.rglob("*.partial"):
        partial.unlink(missing_ok=True)
