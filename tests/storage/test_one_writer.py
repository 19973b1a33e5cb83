"""One run has one writer: a second is refused, a dead one's lock is taken over."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest
from store_kit import new_writer

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.lock_owner import Owner, read_owner
from asgml.storage.format.process import is_alive, start_of, this_host, this_process
from asgml.storage.write.lock import WriterLock, WriterLockedError
from asgml.storage.write.writer import RunWriter


def put_owner(path: Path, **changes: object) -> None:
    pid, start = this_process()
    owner = replace(Owner(pid, start, this_host(), time.time()), **changes)  # type: ignore[arg-type]
    path.write_text(json.dumps(asdict(owner)))


def dead_pid() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_second_writer_is_refused_by_name(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01"):
        with pytest.raises(
            WriterLockedError, match=rf"run-01 .*process {os.getpid()} on {this_host()}"
        ):
            RunWriter.resume(RunPaths(tmp_path / "run-01"))
        assert (tmp_path / "run-01" / "writer.lock").exists()
    assert not (tmp_path / "run-01" / "writer.lock").exists()
    RunWriter.resume(RunPaths(tmp_path / "run-01")).close()


def test_a_dead_owners_lock_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "writer.lock"
    put_owner(path, pid=dead_pid())
    lock = WriterLock(path)
    assert read_owner(path) == lock.owner
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_got_the_dead_owners_id_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "writer.lock"
    put_owner(path, process_start=this_process()[1] - 60_000)
    WriterLock(path).release()


def test_a_living_owner_is_not_told_apart_by_a_clock_that_was_set(tmp_path: Path) -> None:
    path = tmp_path / "writer.lock"
    put_owner(path, process_start=this_process()[1] + 500)
    with pytest.raises(WriterLockedError):
        WriterLock(path)


def test_of_another_host_nothing_is_known(tmp_path: Path) -> None:
    path = tmp_path / "writer.lock"
    put_owner(path, pid=dead_pid(), host="elsewhere")
    with pytest.raises(
        WriterLockedError, match=r"on elsewhere; if it is dead, remove .*writer\.lock"
    ):
        WriterLock(path)


def test_a_process_that_dies_while_it_takes_the_lock_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty lock would keep everybody out, and nobody could tell whether its owner lives."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("dump", "dumps"):
        monkeypatch.setattr(json, name, die)
    with pytest.raises(KeyboardInterrupt):
        WriterLock(tmp_path / "writer.lock")
    assert not (tmp_path / "writer.lock").exists()


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "Operation not permitted"))
    )
    path = tmp_path / "writer.lock"
    lock = WriterLock(path)
    assert read_owner(path) == lock.owner
    with pytest.raises(WriterLockedError):
        WriterLock(path)
    assert [file.name for file in tmp_path.iterdir()] == ["writer.lock"]


def test_of_many_that_begin_at_once_one_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "writer.lock"

    def take(_: int) -> bool:
        try:
            WriterLock(path)
        except WriterLockedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        for _ in range(25):
            assert sum(pool.map(take, range(8))) == 1
            path.unlink()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_while_it_took_the_lock_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / "writer.lock.0123.partial").write_text("{")
    WriterLock(tmp_path / "writer.lock").release()
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_lock_is_respected_only_while_it_may_be_being_written(tmp_path: Path) -> None:
    path = tmp_path / "writer.lock"
    path.write_text("")
    with pytest.raises(WriterLockedError, match="another process"):
        WriterLock(path)
    os.utime(path, (time.time() - 60, time.time() - 60))
    WriterLock(path).release()


def test_of_many_that_take_over_at_once_one_succeeds(tmp_path: Path) -> None:
    path, pid = tmp_path / "writer.lock", dead_pid()

    def take(_: int) -> bool:
        try:
            WriterLock(path)
        except WriterLockedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        for _ in range(25):
            put_owner(path, pid=pid)
            assert sum(pool.map(take, range(8))) == 1


def test_a_lock_that_was_replaced_while_we_waited_is_not_ours_to_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's lock is on the opened file: of another file at the path it says nothing."""
    path, pid = tmp_path / "writer.lock", dead_pid()
    put_owner(path, pid=pid)

    def replaced_meanwhile(file: object, operation: int) -> None:
        put_owner(tmp_path / "other", pid=pid)
        (tmp_path / "other").replace(path)

    monkeypatch.setattr(fcntl, "flock", replaced_meanwhile)
    with pytest.raises(WriterLockedError):
        WriterLock(path)


def test_a_lock_that_is_no_longer_ours_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "writer.lock"
    lock = WriterLock(path)
    put_owner(path, pid=1)
    lock.release()
    assert path.exists()


def test_a_failed_start_leaves_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asgml.storage.write.open_store.create_store", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        new_writer(tmp_path / "run-01")
    assert not (tmp_path / "run-01" / "writer.lock").exists()


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    start = start_of(child.pid)
    assert start is not None and is_alive(child.pid, start)
    child.kill()
    while start_of(child.pid) is not None:  # nobody has waited for it yet: it is a zombie
        time.sleep(0.001)
    assert not is_alive(child.pid, start)
    child.wait()


def test_a_process_that_tells_nothing_counts_as_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(pid: int) -> None:
        raise psutil.AccessDenied(pid)

    monkeypatch.setattr(psutil, "Process", deny)
    assert is_alive(4242, 1)
