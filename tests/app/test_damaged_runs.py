"""Damaged and hostile runs: no command that reads one ends in a traceback, or never."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny_manifest, write_tiny_run

from asgml.app.errors import FAILED, NOT_FOUND, OK
from asgml.storage.format.layout import RunPaths

Asgml = Callable[..., Any]
Damage = Callable[[RunPaths], object]
pytestmark = pytest.mark.timeout(60)

STEPS, EVENTS, HEAD = "run.zarr/steps", "run.zarr/events", "run.zarr/head"


def edited(file: str, *keys: str, to: object) -> Damage:
    """Set one key of a JSON file."""

    def damage(run: RunPaths) -> None:
        record = place = json.loads((run.root / file).read_text(encoding="utf-8"))
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to
        (run.root / file).write_text(json.dumps(record), encoding="utf-8")

    return damage


def array(name: str, *keys: str, to: object) -> Damage:
    return edited(f"run.zarr/{name}/zarr.json", *keys, to=to)


def manifest(*keys: str, to: object) -> Damage:
    return edited("run.zarr/zarr.json", "attributes", *keys, to=to)


def chunks(name: str, to: object) -> Damage:
    return array(name, "chunk_grid", "configuration", "chunk_shape", to=to)


def content(file: str, to: bytes) -> Damage:
    return lambda run: (run.root / file).write_bytes(to)


def slot(number: int, to: int) -> Damage:
    """Set one number of the head."""

    def damage(run: RunPaths) -> None:
        head = run.root / HEAD / "c/0"
        slots = np.frombuffer(head.read_bytes(), "<i8").copy()
        slots[number] = to
        head.write_bytes(slots.tobytes())

    return damage


def removed(*files: str) -> Damage:
    def damage(run: RunPaths) -> None:
        for file in files:
            path = run.root / file
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    return damage


def pipe(file: str) -> Damage:
    def damage(run: RunPaths) -> None:
        removed(file)(run)
        os.mkfifo(run.root / file)

    return damage


def link(file: str, to: str) -> Damage:
    def damage(run: RunPaths) -> None:
        removed(file)(run)
        (run.root / file).symlink_to(to)

    return damage


def sparse(file: str) -> Damage:
    """Make a file of 1 TiB that takes no room on the disk."""
    return lambda run: os.truncate(run.root / file, 1 << 40)


def flipped(file: str, at: int) -> Damage:
    def damage(run: RunPaths) -> None:
        changed = bytearray((run.root / file).read_bytes())
        changed[at] ^= 1
        (run.root / file).write_bytes(changed)

    return damage


def all_of(*damages: Damage) -> Damage:
    return lambda run: [damage(run) for damage in damages]


def appended(line: dict[str, object]) -> Damage:
    """Add an event to a run as the trainer would, in one that is no event of ours."""

    def damage(run: RunPaths) -> None:
        from asgml.storage.format.events import Event
        from asgml.storage.write.writer import RunWriter

        class Foreign(Event):
            def to_line(self) -> bytes:
                return json.dumps(line).encode() + b"\n"

        with RunWriter.resume(run) as writer:
            writer.event(Foreign("note", 1, 1.0, 1.0, 0))

    return damage


def recorded(table: str, fill: float) -> Damage:
    """Add a row of one number from end to end."""

    def damage(run: RunPaths) -> None:
        from asgml.storage.write.writer import RunWriter

        with RunWriter.resume(run) as writer:
            writer.append(table, [fill] * len(tiny_manifest("tiny-01").columns(table)))

    return damage


EVENT = {"kind": "resumed", "step": 1, "wall_time": 1, "active_time": 1, "segment": 1, "fields": {}}
WIDTH = len(tiny_manifest("tiny-01").columns("steps"))
ZERO, BOMB = "/dev/zero", b"[" * 200_000

DAMAGES: dict[str, Damage] = {
    # metadata of arrays
    "shape 5": array("steps", "shape", to=5),
    "shape []": array("steps", "shape", to=[]),
    "shape of texts": array("steps", "shape", to=["a", "b"]),
    "shape [26]": array("steps", "shape", to=[26]),
    "shape negative": array("steps", "shape", to=[-1, 60]),
    "shape of the events": array("events", "shape", to=7),
    "attributes null": array("steps", "attributes", to=None),
    "attributes [1]": array("steps", "attributes", to=[1]),
    "columns 7": array("steps", "attributes", "columns", to=7),
    "columns [1]": array("steps", "attributes", "columns", to=[1]),
    "chunks [0, 0]": chunks("steps", [0, 0]),
    "chunks null": chunks("steps", None),
    "chunks of 1 TB": chunks("events", [1 << 40]),
    "grid 5": array("steps", "chunk_grid", to=5),
    "type of the array": array("steps", "data_type", to="uint8"),
    "codecs 5": array("steps", "codecs", to=5),
    "codec unknown": array("steps", "codecs", to=[{"name": "nothing"}]),
    "fill value": array("steps", "fill_value", to={}),
    "array is a group": array("steps", "node_type", to="group"),
    "array is a list": content(f"{STEPS}/zarr.json", b"[1]"),
    "array is nested": content(f"{STEPS}/zarr.json", BOMB),
    "array is missing": removed(STEPS),
    "array is a file": all_of(removed(STEPS), content(STEPS, b"")),
    # the manifest
    "root is a list": content("run.zarr/zarr.json", b"[1]"),
    "root is nested": content("run.zarr/zarr.json", BOMB),
    "root is missing": removed("run.zarr/zarr.json"),
    "root has no attributes": edited("run.zarr/zarr.json", "attributes", to=None),
    "a foreign group": edited("run.zarr/zarr.json", "attributes", to={"a": 1}),
    "modalities 5": manifest("modalities", to=5),
    "modalities [5]": manifest("modalities", to=[5]),
    "knobs 5": manifest("knobs", to=5),
    "knobs [5]": manifest("knobs", to=[5]),
    "knobs [{}]": manifest("knobs", to=[{}]),
    "metrics of another type": manifest("metrics", to=[{"name": 1, "table": "steps", "help": ""}]),
    "tables [1]": manifest("tables", to=[1]),
    "created late": manifest("created", to=1e300),
    "created text": manifest("created", to="x"),
    "total_steps text": manifest("total_steps", to="x"),
    "config list": manifest("config", to=[]),
    "version true": manifest("version", to=True),
    # the head
    "head empty": content(f"{HEAD}/c/0", b""),
    "head 0xFF": content(f"{HEAD}/c/0", b"\xff" * 256),
    "head zero": content(f"{HEAD}/c/0", b"\0" * 256),
    "head of another type": array("head", "data_type", to="float64"),
    "head of another shape": array("head", "shape", to=[4]),
    "head is missing": all_of(removed(HEAD), lambda run: os.utime(run.config, (1, 1))),
    "only zarr.json": all_of(
        removed(HEAD, STEPS, EVENTS, "run.toml"),
        lambda run: os.utime(run.store / "zarr.json", (1, 1)),
    ),
    "rows beyond all disks": all_of(
        slot(8, 1 << 60), array("steps", "shape", to=[1 << 60, WIDTH]), chunks("steps", [1, WIDTH])
    ),
    "bytes beyond all disks": all_of(slot(12, 1 << 50), array("events", "shape", to=[1 << 50])),
    "segment beyond all": slot(5, 1 << 60),
    # files that are none
    "pipe for a chunk": pipe(f"{STEPS}/c/0/0"),
    "pipe for the head": pipe(f"{HEAD}/c/0"),
    "pipe for metadata": pipe(f"{STEPS}/zarr.json"),
    "pipe for the root": pipe("run.zarr/zarr.json"),
    "pipe for run.toml": pipe("run.toml"),
    "zeros for a chunk": link(f"{STEPS}/c/0/0", ZERO),
    "zeros for the head": link(f"{HEAD}/c/0", ZERO),
    "zeros for metadata": link(f"{STEPS}/zarr.json", ZERO),
    "zeros for the root": link("run.zarr/zarr.json", ZERO),
    "loop for the head": link(f"{HEAD}/c/0", "0"),
    "loop for the root": link("run.zarr/zarr.json", "zarr.json"),
    "loop for a checkpoint": link("checkpoints/last.pt", "last.pt"),
    "loop for checkpoints": link("checkpoints", "checkpoints"),
    "loop in checkpoints": lambda run: (run.checkpoints / "step-1.pt").symlink_to("step-1.pt"),
    "folder for a chunk": all_of(
        removed(f"{STEPS}/c/0/0"), lambda run: (run.root / STEPS / "c/0/0").mkdir()
    ),
    "huge chunk": sparse(f"{STEPS}/c/0/0"),
    "huge head": sparse(f"{HEAD}/c/0"),
    "huge root": sparse("run.zarr/zarr.json"),
    # run.toml and the rest
    "run.toml is no TOML": content("run.toml", b"a = = b"),
    "run.toml is no text": content("run.toml", b"\xff\xff"),
    "run.toml is nested": content("run.toml", b"a = " + BOMB),
    "run.toml is missing": all_of(removed("run.toml"), content("launch.json", b"{}")),
    "chunk is cut": content(f"{STEPS}/c/0/0", b"abc"),
    "chunk is zero": content(f"{STEPS}/c/0/0", b"\0" * 512),
    "event of a far segment": appended({**EVENT, "segment": 1 << 40}),
    "event of a text step": appended({**EVENT, "step": "x"}),
}
"""What happens to a run. Each has a finding."""


ODD: dict[str, Damage] = {
    "counts of texts": manifest("data", to={"counts": {"train": "x"}, "missing": "y"}),
    "a launch record of texts": content(
        "launch.json", b'{"pid": [1], "created": 1e300, "host": 5}'
    ),
    "a nested launch record": content("launch.json", BOMB),
    "a lock of zeros": lambda run: run.lock.symlink_to(ZERO),
    "a pipe for a lock": lambda run: os.mkfifo(run.lock),
    "infinite rows": recorded("steps", math.inf),
    "huge rows": recorded("steps", 1e18),
    "infinite rows of epochs": recorded("epochs", -math.inf),
    "an event of infinite time": appended({**EVENT, "wall_time": 1e999, "fields": {"knobs": [1]}}),
    "a command without an id": appended(
        {**EVENT, "kind": "command", "fields": {"id": {}, "command": "set", "answer": "applied"}}
    ),
    "a config of texts": manifest("config", to={"data": "x", "method": 5}),
}
"""Oddities that are no damage that a check could tell: nothing is promised but to go on."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_run(tmp_path_factory.mktemp("whole") / "tiny-01").root


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> RunPaths:
    """A copy that may be damaged."""
    return RunPaths(shutil.copytree(whole, tmp_path / "runs" / "tiny-01"))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_run_has_a_finding_and_is_read_as_far_as_it_goes(
    asgml: Asgml, run: RunPaths, damage: Damage, tmp_path: Path
) -> None:
    damage(run)
    found = asgml("check", run.root, "--json", "--runs", tmp_path)
    if found.code != NOT_FOUND:  # without run.toml and metadata it is no run at all
        assert found.code == FAILED and not found.json["whole"]
        assert all(one["problem"] and one["remedy"] for one in found.json["findings"])
    read_in_every_way(asgml, run, tmp_path, "--no-charts")


@pytest.mark.parametrize("oddity", ODD.values(), ids=ODD.keys())
def test_an_odd_run_is_read(asgml: Asgml, run: RunPaths, oddity: Damage, tmp_path: Path) -> None:
    oddity(run)
    assert asgml("check", run.root).code in (OK, FAILED)
    read_in_every_way(asgml, run, tmp_path)


def read_in_every_way(asgml: Asgml, run: RunPaths, tmp_path: Path, *charts: str) -> None:
    """Run the commands that read: each has to print the run, or one line that says why not."""
    listed = asgml("runs", "--runs", run.root.parent, "--json")
    assert listed.code == OK and [one["name"] for one in listed.json] in ([], ["tiny-01"])
    for command in (
        ("show", *charts),
        ("tail",),
        ("export", tmp_path / "out.jsonl", "--to", "jsonl"),
    ):
        said = asgml(command[0], run.root, *command[1:], "--runs", tmp_path)
        assert said.code in (OK, NOT_FOUND)
        assert said.code == OK or (not said.out and len(said.err.splitlines()) == 1)


def test_one_bad_run_is_one_marked_line_among_the_others(
    asgml: Asgml, run: RunPaths, whole: Path
) -> None:
    shutil.copytree(whole, run.root.parent / "tiny-02")
    manifest("modalities", to=5)(run)
    states = {
        one["name"]: one["state"] for one in asgml("runs", "--runs", run.root.parent, "--json").json
    }
    assert states == {"tiny-01": "unreadable", "tiny-02": "finished"}
    assert "unreadable" in asgml("runs", "--runs", run.root.parent).out
