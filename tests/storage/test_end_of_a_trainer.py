"""A run whose trainer ends while it is read is never taken for a crashed one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run
from asgml.storage.runs.index import read_record, read_records

PID = 4_000_001
"""A trainer of this computer, of which nothing was heard since 1970."""


def set_head(paths: RunPaths, state: State, step: int) -> None:
    file = paths.store / "head" / "c" / "0"
    slots = np.frombuffer(file.read_bytes(), "<i8").copy()
    slots[0] += 1
    slots[1:5] = 1, state, PID, 1
    slots[6] = step
    file.write_bytes(slots.tobytes())


@pytest.fixture(autouse=True)
def cache_and_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("asgml.storage.read.liveness.this_host", lambda: "here")


@pytest.fixture
def run(tmp_path: Path, tiny_run: RunPaths) -> RunPaths:
    """A run that says that it trains."""
    paths = RunPaths(tmp_path / "runs" / "run-01")
    shutil.copytree(tiny_run.root, paths.root)
    set_head(paths, State.RUNNING, 30)
    return paths


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have a trainer do something last and end, just before somebody asks whether it lives."""

    def does_last(act: Callable[[], object]) -> None:
        done: list[int] = []

        def is_alive(pid: int, start: int) -> bool:
            if not done:
                done.append(pid)
                act()
            return False

        monkeypatch.setattr("asgml.storage.read.liveness.is_alive", is_alive)

    return does_last


Dying = Callable[[Callable[[], object]], None]


@pytest.mark.parametrize("look", ["open", "record", "records", "records, known before"])
def test_a_run_that_ends_between_two_looks_has_ended(
    run: RunPaths, dying: Dying, look: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if look == "records, known before":
        with monkeypatch.context() as living:
            living.setattr("asgml.storage.read.liveness.is_alive", lambda pid, start: True)
            assert [record.state for record in read_records(run.root.parent)] == ["stale"]
    dying(lambda: set_head(run, State.FINISHED, 40))
    if look == "open":
        opened = Run.open(run)
        assert opened.head is not None
        assert (opened.state(), opened.head.step) == ("finished", 40)
    else:
        record = read_record(run) if look == "record" else read_records(run.root.parent)[0]
        assert (record.state, record.step) == ("finished", 40)
        assert record.summary["state"] == "finished"


def test_a_run_that_ends_after_it_was_read_is_read_to_its_end_first(
    run: RunPaths, dying: Dying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever follows a run stops at an ended state: the last rows must have been read by then."""
    with monkeypatch.context() as living:
        living.setattr("asgml.storage.read.liveness.is_alive", lambda pid, start: True)
        opened = Run.open(run)
        assert opened.state() == "stale"
    dying(lambda: set_head(run, State.FINISHED, 40))
    assert opened.state() == "running"
    assert opened.refresh() and opened.state() == "finished"
    assert opened.head is not None and opened.head.step == 40


def test_a_trainer_that_died_in_the_middle_has_crashed(run: RunPaths, dying: Dying) -> None:
    dying(lambda: set_head(run, State.RUNNING, 35))
    opened = Run.open(run)
    assert opened.head is not None and (opened.state(), opened.head.step) == ("crashed", 35)
    (record,) = read_records(run.root.parent)
    assert (record.state, record.step) == ("crashed", 35)


@pytest.fixture
def unborn(run: RunPaths) -> RunPaths:
    """The run before its trainer has opened the store, which waits under another name."""
    (run.root / "run.zarr").rename(run.root / "later")
    started = {"pid": PID, "process_start": 1, "host": "here"}
    run.launch.write_text(json.dumps(started), encoding="utf-8")
    return run


@pytest.mark.parametrize("look", ["open", "records"])
def test_a_run_that_begins_and_ends_between_two_looks_has_ended(
    unborn: RunPaths, dying: Dying, look: str
) -> None:
    def train() -> None:
        (unborn.root / "later").rename(unborn.store)
        set_head(unborn, State.FINISHED, 40)

    dying(train)
    if look == "open":
        assert Run.open(unborn).state() == "finished"
    else:
        (record,) = read_records(unborn.root.parent)
        assert (record.state, record.step) == ("finished", 40)


def test_a_trainer_that_died_before_it_began_has_failed(unborn: RunPaths, dying: Dying) -> None:
    dying(lambda: None)
    assert Run.open(unborn).state() == "failed"
    assert [record.state for record in read_records(unborn.root.parent)] == ["failed"]


def test_a_store_that_never_becomes_whole_is_unreadable(unborn: RunPaths, dying: Dying) -> None:
    """Its head is there, its description is missing or half of one."""
    (unborn.root / "later").rename(unborn.store)
    description = unborn.store / "zarr.json"
    content = description.read_bytes()
    description.unlink()
    dying(lambda: None)
    assert Run.open(unborn).state() == "failed"
    description.write_bytes(content[:100])
    assert [record.state for record in read_records(unborn.root.parent)] == ["unreadable"]
