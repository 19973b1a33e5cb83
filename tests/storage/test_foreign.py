"""FORMAT.md is enough: readers and writers made without our code understand ours."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numcodecs.blosc
import numpy as np
import zarr
from store_kit import new_writer, note, problems_of, rows_of, write_steps

from asgml.storage.read.reader import Run

TABLES = ("steps", "probes", "epochs", "system")
TEXTS = ("events", "log")
COLUMNS = {table: ["step", "wall_time", "active_time", "segment"] for table in TABLES}
CHUNKS = {"steps": 8, "probes": 16, "epochs": 4, "system": 4, "events": 100, "log": 100}
GOLDEN = Path(__file__).resolve().parent.parent / "data" / "golden-v1"


class ForeignReader:
    """Reads files, JSON and Blosc only."""

    def __init__(self, root: Path) -> None:
        self.store = root / "run.zarr"
        self.manifest = json.loads((self.store / "zarr.json").read_text())["attributes"]
        head = np.frombuffer((self.store / "head" / "c" / "0").read_bytes(), "<i8")
        self.counts = dict(zip((*TABLES, *TEXTS), head[8:14].tolist(), strict=True))
        self.state = int(head[2])

    def table(self, name: str) -> dict[str, np.ndarray]:
        columns = self.manifest["tables"][name]
        entries = np.frombuffer(self._content(name, 8 * len(columns)), "<f8").reshape(
            -1, len(columns)
        )
        return {column: entries[:, index] for index, column in enumerate(columns)}

    def lines(self, name: str) -> list[bytes]:
        return self._content(name, 1).splitlines()

    def _content(self, name: str, entry_bytes: int) -> bytes:
        metadata = json.loads((self.store / name / "zarr.json").read_text())
        length, *others = metadata["chunk_grid"]["configuration"]["chunk_shape"]
        chunks = range(-(-self.counts[name] // length))
        files = [
            self.store.joinpath(name, "c", str(chunk), *["0"] * len(others)) for chunk in chunks
        ]
        codecs = [codec["name"] for codec in metadata["codecs"]]
        compressed = [file.read_bytes() for file in files]
        if codecs[-1] == "crc32c":
            assert all(crc32c(chunk[:-4]) == chunk[-4:] for chunk in compressed)
            compressed = [chunk[:-4] for chunk in compressed]
        return b"".join(numcodecs.blosc.decompress(chunk) for chunk in compressed)[
            : self.counts[name] * entry_bytes
        ]


def crc32c(content: bytes) -> bytes:
    """CRC-32C of RFC 3720, from its polynomial 1EDC6F41 with the bits reversed."""
    table = list(range(256))
    for _ in range(8):
        table = [entry >> 1 ^ (0x82F63B78 if entry & 1 else 0) for entry in table]
    rest = 0xFFFFFFFF
    for byte in content:
        rest = rest >> 8 ^ table[(rest ^ byte) & 0xFF]
    return (rest ^ 0xFFFFFFFF).to_bytes(4, "little")


def test_the_checksum_is_that_of_the_rfc() -> None:
    assert (
        crc32c(bytes(32))[::-1].hex() == "8a9136aa"
        and crc32c(b"123456789")[::-1].hex() == "e3069283"
    )


def test_a_foreign_reader_reads_our_run_while_it_grows(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 2501))
        writer.event(note(3, "hello"))
        writer.log("a line")
        writer.flush()
        foreign = ForeignReader(tmp_path / "run-01")
        assert foreign.table("steps")["step"].tolist() == list(range(1, 2501))
        assert (
            foreign.table("steps")["grad_norm/visual"].tolist()
            == rows_of("steps", range(1, 2501))[:, 6].tolist()
        )
        assert json.loads(foreign.lines("events")[0])["fields"][
            "note"
        ] == "hello" and foreign.lines("log") == [b"a line"]
        assert foreign.state == 0
    assert ForeignReader(tmp_path / "run-01").state == 4


def test_a_foreign_reader_reads_the_golden_run() -> None:
    foreign, run = ForeignReader(GOLDEN), Run.open(GOLDEN)
    for table in TABLES:
        ours = dict(zip(run.columns(table), run.table(table).T, strict=True))
        theirs = foreign.table(table)
        assert theirs.keys() == ours.keys() and all(
            np.array_equal(theirs[name], ours[name], equal_nan=True) for name in ours
        )
    assert len(foreign.lines("events")) == len(run.events) and len(foreign.lines("log")) == len(
        run.log_lines
    )


class ForeignWriter:
    """A writer of plain Zarr: whole chunks, then the head, in chunks and codecs of its choice."""

    def __init__(self, root: Path) -> None:
        columns = {**COLUMNS, "steps": [*COLUMNS["steps"], "loss", "heat/left"]}
        manifest: dict[str, Any] = {
            "format": "asgml-run",
            "version": 1,
            "name": "foreign",
            "created": 1.0,
            "config": {},
            "tables": columns,
        }
        manifest |= {"modalities": ["left"], "classes": ["a"], "some later key": 1}
        group = zarr.create_group(root / "run.zarr", attributes=manifest)
        self.arrays = {
            name: group.create_array(
                name,
                shape=(0, len(columns[name])) if name in TABLES else (0,),
                chunks=(length, len(columns[name])) if name in TABLES else (length,),
                dtype="float64" if name in TABLES else "uint8",
                fill_value=math.nan if name in TABLES else 0,
                attributes={"columns": columns[name], "units": [""] * len(columns[name])}
                if name in TABLES
                else {},
                config={"write_empty_chunks": True},
            )
            for name, length in CHUNKS.items()
        }
        self.head = group.create_array(
            "head", shape=(32,), chunks=(32,), dtype="int64", fill_value=-1, compressors=None
        )
        self.published: dict[str, np.ndarray] = {
            name: np.empty(array.shape, array.dtype) for name, array in self.arrays.items()
        }
        self.seq = 0

    def publish(self, new: dict[str, np.ndarray], state: int) -> None:
        for name, entries in new.items():
            whole = np.concatenate([self.published[name], entries])
            padding = np.full(
                (-len(whole) % CHUNKS[name], *whole.shape[1:]),
                self.arrays[name].fill_value,
                whole.dtype,
            )
            self.arrays[name].resize((len(whole) + len(padding), *whole.shape[1:]))
            self.arrays[name][:] = np.concatenate([whole, padding])
            self.published[name] = whole
            if state >= 4:
                self.arrays[name].resize(whole.shape)
        self.seq += 1
        counts = [len(self.published[name]) for name in (*TABLES, *TEXTS)]
        self.head[:] = [self.seq, self.seq * 10**9, state, 1, 0, 0, 7, 0, *counts, *[-1] * 18]


def test_we_read_a_run_that_was_written_without_our_code(tmp_path: Path) -> None:
    writer = ForeignWriter(tmp_path / "foreign-01")
    rows = np.arange(180.0).reshape(30, 6)
    event = np.frombuffer(
        b'{"kind":"comet","step":4,"wall_time":5,"active_time":6,"segment":0,"tail":1}\n{"kind":"ph',
        np.uint8,
    )
    writer.publish(
        {"steps": rows[:13], "events": event, "log": np.frombuffer(b"gr\xc3\xbcn\n", np.uint8)},
        state=1,
    )
    run = Run.open(tmp_path / "foreign-01")
    assert (
        np.array_equal(run.table("steps"), rows[:13])
        and run.column("steps", "heat/left").tolist() == rows[:13, 5].tolist()
    )
    assert [(event.kind, event.step) for event in run.events] == [
        ("comet", 4)
    ] and run.log_lines == ["grün"]
    rest = np.frombuffer(
        b'ase","step":5,"wall_time":6,"active_time":7,"segment":0,"fields":{"message":"x"}}\n',
        np.uint8,
    )
    writer.publish(
        {
            "steps": rows[13:],
            "probes": np.zeros((1, 4)),
            "epochs": np.zeros((0, 4)),
            "events": rest,
        },
        state=1,
    )
    run.refresh()
    assert np.array_equal(run.table("steps"), rows) and run.events[1].get("message") == "x"
    empty = {
        "system": np.zeros((0, 4)),
        "log": np.zeros(0, np.uint8),
        "steps": rows[:0],
        "probes": np.zeros((0, 4)),
        "events": rest[:0],
    }
    writer.publish(empty, state=4)
    run.refresh()
    assert (
        run.state() == "finished"
        and run.manifest is not None
        and run.manifest.modalities == ["left"]
    )
    assert run.problems == [] and problems_of(tmp_path / "foreign-01") == []
