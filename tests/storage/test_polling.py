"""A poll never misses an update, whatever the file's time, number and size say; and it is cheap."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_kit import new_writer, write_steps

from asgml.storage.format.status import State
from asgml.storage.read.reader import Run
from asgml.storage.read.store_reader import StoreReader

FROZEN = (1_700_000_000_000_000_000, 1_700_000_000_000_000_000)


class Head:
    """The file of a head, put in place in every manner, always with the same time and size."""

    def __init__(self, store: Path) -> None:
        self.path = store / "head" / "c" / "0"
        self.slots = np.frombuffer(self.path.read_bytes(), "<i8").copy()
        self.there = True

    def renamed(self) -> None:
        """A new file, which may have the number of the last but one."""
        aside = self.path.with_suffix(".partial")
        aside.write_bytes(self._next())
        os.utime(aside, ns=FROZEN)
        aside.replace(self.path)

    def overwritten(self) -> None:
        """The same file with another content, as some network disks and copies leave it."""
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_bytes(self._next())
        os.utime(self.path, ns=FROZEN)

    def removed(self) -> None:
        self.path.unlink(missing_ok=True)
        self.there = False

    def emptied(self) -> None:
        self.path.write_bytes(b"")
        self.there = False

    def cut(self) -> None:
        """Half a head, as a torn copy leaves it."""
        self.path.write_bytes(self.slots.tobytes()[:100])
        self.there = False

    def grown(self) -> None:
        self.path.write_bytes(self.slots.tobytes() + b"x")
        self.there = False

    def moved_away_and_back(self) -> None:
        """The run's folder has another name for a while."""
        root = self.path.parents[3]
        root.rename(root.with_name("elsewhere"))
        root.with_name("elsewhere").rename(root)

    def _next(self) -> bytes:
        self.slots[0] += 1
        self.slots[1] += 1
        self.slots[6] += 7
        self.there = True
        return self.slots.tobytes()


WAYS = ("renamed", "overwritten", "removed", "emptied", "cut", "grown", "moved_away_and_back")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(WAYS), st.integers(0, 2)), max_size=20))
def test_a_poll_shows_the_head_that_is_there(tmp_path: Path, ways: list[tuple[str, int]]) -> None:
    root = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
    new_writer(root).close()
    head, reader = Head(root / "run.zarr"), StoreReader(root / "run.zarr")
    for way, polls in ways:
        getattr(head, way)()
        for _ in range(polls):
            found = reader.head()
            assert (found is not None) == head.there
            assert found is None or found.to_slots()[:14] == head.slots[:14].tolist()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(["renamed", "overwritten", "removed", "cut"]), max_size=12))
def test_a_refresh_misses_no_step(tmp_path: Path, ways: list[str]) -> None:
    """What was read stays while there is no head; the next one is seen at once."""
    root = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
    new_writer(root).close()
    head, run = Head(root / "run.zarr"), Run.open(root)
    assert run.head is not None
    last = run.head.step
    for way in ways:
        getattr(head, way)()
        changed = run.refresh()
        if head.there:
            last = int(head.slots[6])
            assert changed
        assert run.head.step == last
        assert not run.refresh()


def test_a_run_that_is_gone_and_comes_back_is_followed_again(tmp_path: Path) -> None:
    root, away = tmp_path / "run-01", tmp_path / "away"
    with new_writer(root, flush_every=60) as writer:
        write_steps(writer, range(1, 11))
        writer.flush()
        run = Run.open(root)
        shutil.copytree(root, away)
        shutil.rmtree(root)
        run.refresh()
        assert run.rows("steps") == 10
        shutil.copytree(away, root)
        write_steps(writer, range(11, 21))
        assert writer.flush()
        run.refresh()
        assert run.rows("steps") == 20
        writer.mark(State.PAUSED)
        writer.flush()
        assert run.refresh() and run.state() == "paused"


def test_a_poll_with_nothing_new_opens_two_files_and_parses_none(tmp_path: Path) -> None:
    """The cost of a poll, counted: the head, and who was started last."""
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 3))
    (tmp_path / "run-01" / "launch.json").write_text('{"pid": 1, "host": "x"}')
    run = Run.open(tmp_path / "run-01")
    opened: list[str] = []
    real = os.open

    def open_and_tell(path: object, *given: object, **more: object) -> int:
        opened.append(str(path))
        return real(path, *given, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", open_and_tell)
        patch.setattr("json.loads", lambda content: pytest.fail("it parses"))
        head = "asgml.storage.read.head_reader.head_from_slots"
        patch.setattr(head, lambda slots: pytest.fail("it parses"))
        assert not run.refresh()
    assert [Path(path).name for path in opened] == ["0", "launch.json"]
