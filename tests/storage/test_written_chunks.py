"""The writer's chunks: the files that zarr would write, byte for byte, each replaced at once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from store_kit import WIDTHS, new_writer, note, rows_of, small_manifest, write_steps

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import AXES, Metric
from asgml.storage.read.reader import Run
from asgml.storage.write import written_array
from asgml.storage.write.writer import RunWriter
from asgml.storage.write.written_array import WrittenArray, replace_file


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("c/**/*")
        if path.is_file()
    }


def record(root: Path, rows: np.ndarray) -> dict[str, bytes]:
    """Record a run of several segments and return the files of its chunks, but for the head."""
    writer = new_writer(root, flush_every=60)
    for first in range(0, len(rows), 700):
        for row in rows[first : first + 700]:
            writer.append("steps", row)
        writer.log(f"from row {first}")
        writer.event(note(first, "a note"))
        assert writer.flush()
        if first == 1400:
            writer.close()
            writer = RunWriter.resume(RunPaths(root), flush_every=60)
    writer.close()
    found = files(root / "run.zarr")
    return {name: content for name, content in found.items() if not name.startswith("head")}


@pytest.mark.parametrize("kind", ["numbers", "float32", "nan", "constant"])
def test_they_are_the_bytes_that_zarr_would_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    walk = np.cumsum(np.random.default_rng(0).normal(size=(2500, WIDTHS["steps"])), axis=0)
    kinds = {"numbers": walk, "float32": walk.astype(np.float32).astype(np.float64),
             "nan": np.full_like(walk, np.nan), "constant": np.full_like(walk, 0.1)}  # fmt: skip
    ours = record(tmp_path / "ours", kinds[kind])
    by_zarr = WrittenArray.__init__

    def leave_it_to_zarr(array: WrittenArray, *given: Any) -> None:
        by_zarr(array, *given)
        array._codec = None

    monkeypatch.setattr(WrittenArray, "__init__", leave_it_to_zarr)
    theirs = record(tmp_path / "theirs", kinds[kind])
    assert len(ours) == 3 + 2 and ours == theirs


def test_zarr_and_the_reader_find_the_rows_in_them(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 2501))
    expected = rows_of("steps", range(1, 2501))
    array = zarr.open_array(tmp_path / "run-01" / "run.zarr", path="steps", mode="r")
    assert np.array_equal(np.asarray(array[:]), expected)
    assert np.array_equal(Run.open(tmp_path / "run-01").table("steps"), expected)


def test_a_resumed_run_keeps_its_codecs(tmp_path: Path) -> None:
    """Runs of older versions have no checksum; those of other programs may have another codec."""
    for codecs, name in (
        ([], "older"),
        ([{"name": "zstd", "configuration": {"level": 0}}], "other"),
    ):
        root = tmp_path / name
        new_writer(root).close()
        for table in ("steps", "log"):
            metadata = root / "run.zarr" / table / "zarr.json"
            described = json.loads(metadata.read_text())
            kept = described["codecs"][:2] if name == "older" else described["codecs"][:1]
            described["codecs"] = kept + codecs
            metadata.write_text(json.dumps(described))
        with RunWriter.resume(RunPaths(root)) as writer:
            write_steps(writer, range(1, 1500), segment=1)
            writer.log("a line")
        array = zarr.open_array(root / "run.zarr", path="steps", mode="r")
        assert np.array_equal(np.asarray(array[:]), rows_of("steps", range(1, 1500), 1)), name
        chunk = (root / "run.zarr" / "steps" / "c" / "1" / "0").read_bytes()
        # Blosc has its length in its header; zarr does not mind what follows it
        assert name == "other" or int.from_bytes(chunk[12:16], "little") == len(chunk)
        assert Run.open(root).log_lines == ["a line"] and Run.open(root).problems == [], name


def test_forty_numbers_a_step_take_162_bytes_at_most(tmp_path: Path) -> None:
    """Random walks of single precision: a constant would flatter the compression."""
    steps = 8 * 1024
    metrics = tuple(Metric(f"m{i}", "steps", "a number") for i in range(40 - len(AXES)))
    manifest = Manifest(
        name="bytes", created=1.0, config={}, modalities=(), classes=(), metrics=metrics
    )
    walk = np.cumsum(np.random.default_rng(0).normal(size=(steps, 40)), axis=0)
    walk = walk.astype(np.float32).astype(np.float64)
    walk[:, 0] = np.arange(steps)
    walk[:, 1] = 1.7e9 + 0.01 * np.arange(steps)
    with RunWriter.create(RunPaths(tmp_path / "bytes"), manifest, flush_every=60) as writer:
        for row in walk:
            writer.append("steps", row)
    taken = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert taken / steps <= 162


def test_a_file_is_replaced_at_once_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c" / "0" / "0"
    replace_file(str(path), b"old")
    assert path.read_bytes() == b"old"

    def full(file: Any, content: bytes) -> None:
        file.write(content[:2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(written_array, "_write_all", full)
        replace_file(str(path), b"newer")
    assert path.read_bytes() == b"old" and os.listdir(path.parent) == ["0"]
    old = os.open(path, os.O_RDONLY)
    replace_file(str(path), b"newer")
    assert path.read_bytes() == b"newer" and os.read(old, 9) == b"old"
    os.close(old)
    assert os.listdir(path.parent) == ["0"]


def test_a_link_in_the_place_of_the_new_file_is_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious")
    (tmp_path / f"0.{os.getpid()}.partial").symlink_to(mine)
    with pytest.raises(OSError):
        replace_file(str(tmp_path / "0"), b"content")
    assert mine.read_text() == "precious"


def test_the_data_is_in_place_before_the_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed: list[str] = []
    rename = os.replace

    def rename_and_tell(aside: Any, path: Any) -> None:
        rename(aside, path)
        placed.append(str(path))

    with new_writer(tmp_path / small_manifest().name, flush_every=60) as writer:
        monkeypatch.setattr(os, "replace", rename_and_tell)
        write_steps(writer, range(1, 2000))
        write_steps(writer, range(1, 3), table="probes")
        writer.log("a line")
        writer.flush()
        monkeypatch.undo()
    arrays = [path.partition("run.zarr/")[2] for path in placed if "/c/" in path]
    assert arrays[-1] == "head/c/0" and arrays.count("head/c/0") == 1
    assert set(arrays[:-1]) == {"steps/c/0/0", "steps/c/1/0", "probes/c/0/0", "log/c/0"}


def test_where_the_library_hides_its_functions_numcodecs_makes_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other builds of numcodecs may not let its C functions be called."""
    walk = np.cumsum(np.random.default_rng(0).normal(size=(2500, WIDTHS["steps"])), axis=0)
    ours = record(tmp_path / "ours", walk)
    monkeypatch.setattr("asgml.storage.format.blosc._library", lambda: None)
    assert record(tmp_path / "theirs", walk) == ours
    run = Run.open(tmp_path / "ours")
    assert run.table("steps").tobytes() == walk.tobytes() and run.problems == []
    chunk = tmp_path / "ours" / "run.zarr" / "steps" / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-9])
    assert len(Run.open(tmp_path / "ours").problems) == 1
