"""One suite for both ways of reading an array: its chunk files themselves, and zarr.

Each case runs against both. Where chunks are of the format's own codecs zarr need not be asked;
where they are not, zarr reads them, and the numbers are the same.
"""

from __future__ import annotations

import json
import os
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_kit import WIDTHS, new_writer, note, rows_of, write_steps
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, TransposeCodec, ZstdCodec

from asgml.storage.format.array_metadata import read_array_metadata
from asgml.storage.format.metrics import TABLES
from asgml.storage.read.reader import Run
from asgml.storage.read.store_reader import StoreReader
from asgml.storage.read.table import Table

DATA = Path(__file__).resolve().parent.parent / "data"
GOLDEN = (DATA / "golden-v1", DATA / "run-0.1.0" / "run")


def without_codecs(patch: pytest.MonkeyPatch) -> None:
    """Leave every array to zarr, as one of unknown codecs."""
    patch.setattr("asgml.storage.format.array_metadata.codec_from_json", lambda codecs: None)


@pytest.fixture(params=["files", "zarr"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "zarr":
        without_codecs(monkeypatch)
    return str(request.param)


def seen(run: Run) -> dict[str, Any]:
    """All that a reader shows, the numbers as bytes: NaN is equal to NaN."""
    tables = {table: (run.rows(table), run.table(table).tobytes()) for table in TABLES}
    return {**tables, "events": run.events, "log": run.log_lines, "head": run.head}


def zarr_rows(root: Path, table: str, rows: int) -> np.ndarray:
    """The first rows as plain zarr reads them."""
    array = zarr.open_array(root / "run.zarr", path=table, mode="r")
    return np.asarray(array[:rows])


@pytest.mark.parametrize("root", GOLDEN, ids=["golden-v1", "run-0.1.0"])
def test_runs_of_every_version_read_as_plain_zarr_reads_them(way: str, root: Path) -> None:
    run = Run.open(root)
    assert run.problems == [] and run.head is not None
    for table in TABLES:
        expected = zarr_rows(root, table, run.head.rows[table])
        assert run.table(table).tobytes() == expected.tobytes()
    events = zarr.open_array(root / "run.zarr", path="events", mode="r")
    assert len(run.events) == bytes(np.asarray(events[:])).count(b"\n")


def test_rows_are_held_once(tmp_path: Path) -> None:
    """Each chunk is decoded in its place of the table."""
    rows = np.random.default_rng(0).normal(size=(40_000, WIDTHS["steps"]))
    with new_writer(tmp_path / "run-01", flush_every=60) as writer:
        for row in rows:
            writer.append("steps", row)
    tracemalloc.start()
    try:
        run = Run.open(tmp_path / "run-01")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.array_equal(run.table("steps"), rows)
    # the block has room for half as many rows again, whose memory is not taken before they come
    assert peak < (1.5 * WIDTHS["steps"] + 1.5) * 8 * len(rows) + 1e6


@pytest.mark.parametrize("root", GOLDEN, ids=["golden-v1", "run-0.1.0"])
def test_both_ways_show_the_same(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_files = seen(Run.open(root))
    without_codecs(monkeypatch)
    assert seen(Run.open(root)) == by_files


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    added=st.lists(st.sampled_from([1, 7, 700, 1023, 1024, 1025, 2500]), min_size=1, max_size=6),
    lines=st.integers(0, 3000),
)
def test_a_run_that_grows(way: str, tmp_path: Path, added: list[int], lines: int) -> None:
    """Each refresh begins anywhere in a chunk and ends anywhere in a later one."""
    root = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
    with new_writer(root, flush_every=60) as writer:
        run, step = Run.open(root), 0
        for count in added:
            write_steps(writer, range(step + 1, step + count + 1))
            step += count
            for line in range(lines):
                writer.log(f"line {line} after step {step}")
            writer.event(note(step, "x" * count))
            assert writer.flush()
            run.refresh()
            assert run.table("steps").tobytes() == rows_of("steps", range(1, step + 1)).tobytes()
            assert len(run.log_lines) == lines * len(run.events)
            assert run.events[-1].get("note") == "x" * count
        assert run.problems == [] and seen(Run.open(root)) == seen(run)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def one_bit(content: bytes) -> bytes:
    place = len(content) // 3
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def huge_size(content: bytes) -> bytes:
    """A header that promises 2 GB, with a checksum that fits."""
    from google_crc32c import value

    inner = content[:4] + b"\xf0\xff\xff\x7f" + content[8:-4]
    return inner + value(inner).to_bytes(4, "little")


DAMAGES: list[Callable[[bytes], bytes]] = [
    half, one_bit, huge_size, lambda content: b"", lambda content: b"\xff" * len(content),
    lambda content: content + b"more", lambda content: content[:3], lambda content: content[4:],
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_chunk_is_named_and_the_rest_is_read(
    way: str, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 3001))
    chunk = tmp_path / "run-01" / "run.zarr" / "steps" / "c" / "1" / "0"
    chunk.write_bytes(damage(chunk.read_bytes()))
    # zarr believes the header of a Blosc chunk, which is why it is not asked
    run = (opened_in_little_memory if way == "files" else Run.open)(tmp_path / "run-01")
    assert [problem.partition(" (")[0] for problem in run.problems] == [
        "steps: chunk 1 cannot be read"
    ]
    assert run.problems[0].endswith("; 1024 entries are shown as empty")
    expected = rows_of("steps", range(1, 3001))
    expected[1024:2048] = np.nan
    assert np.array_equal(run.table("steps"), expected, equal_nan=True)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_changed_bit_is_seen(way: str, tmp_path: Path, place: float, bit: int) -> None:
    root = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
    with new_writer(root) as writer:
        write_steps(writer, range(1, 40))
    chunk = root / "run.zarr" / "steps" / "c" / "0" / "0"
    content = bytearray(chunk.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    chunk.write_bytes(content)
    run = Run.open(root)
    assert len(run.problems) == 1 and np.isnan(run.table("steps")).all()


def opened_in_little_memory(root: Path) -> Run:
    tracemalloc.start()
    try:
        run = Run.open(root)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
    return run


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def make_huge(path: Path) -> None:
    os.truncate(path, 300 << 20)


@pytest.mark.parametrize("put", [make_pipe, make_folder, make_device, make_huge])
def test_what_is_no_chunk_is_refused(way: str, tmp_path: Path, put: Callable[[Path], None]) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 1501))
    put(tmp_path / "run-01" / "run.zarr" / "steps" / "c" / "0" / "0")
    run = opened_in_little_memory(tmp_path / "run-01")
    assert len(run.problems) == 1
    assert run.problems[0].startswith(
        ("steps: chunk 0 cannot be read", "steps: chunk 0 is missing")
    )
    assert run.column("steps", "step")[1024:].tolist() == list(range(1025, 1501))


@pytest.mark.parametrize("table", ["steps", "log"])
def test_a_missing_chunk_is_named(way: str, tmp_path: Path, table: str) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 3001))
        writer.log("x" * 200_000)
    shutil.rmtree(tmp_path / "run-01" / "run.zarr" / "steps" / "c" / "2")
    (tmp_path / "run-01" / "run.zarr" / "log" / "c" / "1").unlink()
    run = Run.open(tmp_path / "run-01")
    assert run.problems == [
        "steps: chunk 2 is missing; 952 entries are shown as empty",
        "log: chunk 1 is missing; 65536 entries are shown as empty",
    ]
    assert np.isnan(run.table("steps")[2048:]).all() and run.log_lines[0].count("\0") == 65536


@pytest.mark.parametrize("rows", [1 << 24, 1 << 45, (1 << 61) + 5])
def test_a_head_and_a_shape_that_lie_take_no_memory(way: str, tmp_path: Path, rows: int) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 11))
    store = tmp_path / "run-01" / "run.zarr"
    change_metadata(store / "steps", lambda record: record["shape"].__setitem__(0, rows))
    slots = np.frombuffer((store / "head" / "c" / "0").read_bytes(), "<i8").copy()
    slots[8] = rows
    (store / "head" / "c" / "0").write_bytes(slots.tobytes())
    run = opened_in_little_memory(tmp_path / "run-01")
    assert run.problems == [f"steps: the head says {rows}, too many of its chunks are missing"]


def change_metadata(array: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads((array / "zarr.json").read_text())
    change(record)
    (array / "zarr.json").write_text(json.dumps(record))


# -- arrays that others have written ----------------------------------------------------

ROWS = np.arange(60.0).reshape(15, 4)
ROWS[3, 2] = np.nan
BLOSC = BloscCodec(typesize=8, cname="zstd", clevel=1, shuffle="shuffle")
OWN: dict[str, dict[str, Any]] = {
    "as the format has it": {"compressors": (BLOSC, Crc32cCodec())},
    "without a checksum": {"compressors": (BLOSC,)},
    "without compression": {"compressors": None},
    "a checksum alone": {"compressors": (Crc32cCodec(),)},
    "another compressor in Blosc": {
        "compressors": (BloscCodec(typesize=8, cname="lz4", clevel=5, shuffle="bitshuffle"),)
    },
}
FOREIGN: dict[str, dict[str, Any]] = {
    "zstd": {"compressors": (ZstdCodec(),)},
    "gzip": {"compressors": (GzipCodec(), Crc32cCodec())},
    "twice": {"compressors": (BLOSC, BLOSC)},
    "a checksum before Blosc": {"compressors": (Crc32cCodec(), BLOSC)},
    "sharded": {"chunks": (2, 4), "shards": (8, 4), "compressors": (BLOSC,)},
    "transposed": {"filters": (TransposeCodec(order=(1, 0)),), "compressors": (BLOSC,)},
    "big endian": {"serializer": BytesCodec(endian="big"), "compressors": (BLOSC,)},
    "chunks of some columns": {"chunks": (8, 3), "compressors": (BLOSC,)},
    "another fill": {"fill_value": 0.0, "compressors": (BLOSC,)},
    "other names of files": {
        "chunk_key_encoding": {"name": "default", "separator": "."},
        "compressors": (BLOSC,),
    },
    "names of Zarr 2": {
        "chunk_key_encoding": {"name": "v2", "separator": "."},
        "compressors": (BLOSC,),
    },
}


def written_by_zarr(root: Path, options: dict[str, Any]) -> StoreReader:
    group = zarr.create_group(root / "run.zarr")
    array = group.create_array(
        "steps",
        shape=ROWS.shape,
        dtype="float64",
        config={"write_empty_chunks": True},
        **{"chunks": (8, 4), "fill_value": np.nan, "filters": None} | options,
    )
    array[:] = ROWS
    return StoreReader(root / "run.zarr")


@pytest.mark.parametrize("options", [*OWN.values(), *FOREIGN.values()], ids=[*OWN, *FOREIGN])
@pytest.mark.parametrize(("start", "stop"), [(0, 15), (3, 11), (8, 9)])
def test_an_array_in_any_codecs_has_its_numbers(
    way: str, tmp_path: Path, options: dict[str, Any], start: int, stop: int
) -> None:
    reader = written_by_zarr(tmp_path, options)
    rows = reader.read("steps", start, stop, Table(["step", "wall_time", "a", "b"]))
    assert reader.problems == [] and rows is not None
    assert rows.tobytes() == ROWS[start:stop].tobytes()


@pytest.mark.parametrize("name", [*OWN, *FOREIGN])
def test_zarr_reads_what_is_foreign(tmp_path: Path, name: str) -> None:
    written_by_zarr(tmp_path, {**OWN, **FOREIGN}[name])
    codec = read_array_metadata(tmp_path / "run.zarr", "steps").codec
    assert (codec is not None) == (name in OWN)


def later_key(record: dict[str, Any]) -> None:
    record["later"] = {"must_understand": True}


def unknown_codec(record: dict[str, Any]) -> None:
    record["codecs"].append({"name": "https://example.org/scrambled"})


def codec_of_settings(record: dict[str, Any]) -> None:
    record["codecs"][0] = {"name": "bytes", "configuration": {"endian": "middle"}}


def transformer(record: dict[str, Any]) -> None:
    record["storage_transformers"] = [{"name": "scrambled"}]


def other_grid(record: dict[str, Any]) -> None:
    record["chunk_grid"]["name"] = "hexagonal"


def no_codecs(record: dict[str, Any]) -> None:
    del record["codecs"]


@pytest.mark.parametrize(
    "change", [later_key, unknown_codec, codec_of_settings, transformer, other_grid, no_codecs]
)
def test_what_nobody_understands_is_one_clear_error(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    reader = written_by_zarr(tmp_path, OWN["as the format has it"])
    change_metadata(tmp_path / "run.zarr" / "steps", change)
    assert reader.read("steps", 0, 15, Table(["step", "wall_time", "a", "b"])) is None
    assert len(reader.problems) == 1
    assert reader.problems[0].startswith("steps: the array cannot be opened")
    assert "\n" not in reader.problems[0]
