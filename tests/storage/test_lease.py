"""The control lease: who steers, until it is given back, taken over or not renewed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from asgml.storage.commands.lease import (
    LEASE_SECONDS,
    MAX_BYTES,
    Lease,
    end_lease,
    read_lease,
    write_lease,
)

ANNA = Lease("a1", "anna@gpu7", 1000.0, 1500.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.json"


def test_a_lease_holds_until_it_is_not_renewed(path: Path) -> None:
    write_lease(path, ANNA)
    assert read_lease(path, 1500.0) == ANNA
    assert read_lease(path, 1500.0 + LEASE_SECONDS) == ANNA
    assert read_lease(path, 1501.0 + LEASE_SECONDS) is None
    assert read_lease(path, 1499.0 - LEASE_SECONDS) is None, "the clock of its holder is far ahead"
    assert os.listdir(path.parent) == ["control.json"]


def test_only_its_holder_ends_it_but_anyone_may_take_over(path: Path) -> None:
    now = ANNA.seen
    write_lease(path, ANNA)
    end_lease(path, "b2")
    assert path.exists()
    bob = Lease("b2", "bob@gpu7", now, now)
    write_lease(path, bob)
    assert read_lease(path, now) == bob
    end_lease(path)
    end_lease(path)
    assert not path.exists() and read_lease(path, now) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 3000,
        b"x" * (MAX_BYTES + 1),
        {"id": 5},
        {"holder": "x" * 201},
        {"holder": None},
        {"since": "now"},
        {"seen": 1e30},
        {"seen": True},
    ],
)
def test_what_is_no_lease_binds_nobody(path: Path, content: Any) -> None:
    if isinstance(content, dict):
        record = {"id": "a", "holder": "h", "since": 1000.0, "seen": 1500.0, **content}
        content = json.dumps(record).encode()
    path.write_bytes(content)
    assert read_lease(path, 1500.0) is None


def test_a_link_or_a_pipe_is_not_read(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    write_lease(other, ANNA)
    path.symlink_to(other)
    assert read_lease(path, 1500.0) is None
    write_lease(path, ANNA)
    assert not path.is_symlink() and read_lease(path, 1500.0) == ANNA
    path.unlink()
    os.mkfifo(path)
    assert read_lease(path, 1500.0) is None
