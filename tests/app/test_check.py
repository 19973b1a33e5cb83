"""`asgml check`: a whole run has no findings; each kind of damage has one, with its remedy."""

from __future__ import annotations

import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from tiny import tiny_manifest, tiny_row, write_tiny_run

from asgml.app.errors import FAILED, NOT_FOUND, OK
from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.storage.read.check import check_run
from asgml.storage.write.writer import RunWriter

Asgml = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    """A whole run that may be damaged."""
    return write_tiny_run(tmp_path / "runs" / "tiny-01")


def check(asgml: Asgml, run: RunPaths) -> list[str]:
    """The problems that are found; every form of the output has to agree."""
    given = asgml("check", "tiny-01", "--runs", run.root.parent, "--json")
    findings = given.json["findings"]
    assert given.json["whole"] == (not findings)
    assert given.code == (FAILED if findings else OK)
    lines = asgml("check", run.root)
    assert lines.code == given.code
    assert len(lines.out.splitlines()) == max(len(findings), 1)
    assert all(finding["remedy"] for finding in findings)
    return [finding["problem"] for finding in findings]


def problems_of(path: Path) -> list[str]:
    return [finding.problem for finding in check_run(path)]


def test_a_whole_run_has_no_findings(asgml: Asgml, run: RunPaths) -> None:
    assert check(asgml, run) == []
    said = asgml("check", run.root)
    assert (said.code, said.out, said.err) == (OK, "tiny-01 is whole\n", "")


def test_a_run_that_is_not_there(asgml: Asgml, tmp_path: Path) -> None:
    assert asgml("check", "nothing", "--runs", tmp_path).code == NOT_FOUND
    (tmp_path / "folder").mkdir()
    assert asgml("check", tmp_path / "folder", "--runs", tmp_path).code == NOT_FOUND


def test_a_missing_chunk(asgml: Asgml, run: RunPaths) -> None:
    (run.store / "steps" / "c" / "0" / "0").unlink()
    assert check(asgml, run) == [
        "steps: chunk 0 is missing; 40 entries are shown as empty",
        "steps: rows 0 to 39 are empty",
    ]
    assert "copy run.zarr/steps again" in asgml("check", run.root).out


def test_a_damaged_chunk(asgml: Asgml, run: RunPaths) -> None:
    chunk = run.store / "probes" / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-9])
    first, second = check(asgml, run)
    assert first.startswith("probes: chunk 0 cannot be read") and "rows 0 to 3" in second


def test_every_changed_bit_of_a_published_chunk_is_found(asgml: Asgml, run: RunPaths) -> None:
    draw = random.Random(0)
    for array in ("steps", "probes", "epochs", "events", "log"):
        for chunk in (path for path in (run.store / array / "c").rglob("*") if path.is_file()):
            whole = chunk.read_bytes()
            # of each part of the file: the header of the codec, what it holds, and the checksum
            for at in (0, 9, 15, *draw.sample(range(16, len(whole) - 4), 4), len(whole) - 1):
                changed = bytearray(whole)
                changed[at] ^= 1 << draw.randrange(8)
                chunk.write_bytes(changed)
                assert problems_of(run.root)[0].startswith(f"{array}: chunk 0 cannot be read")
            chunk.write_bytes(whole)
    assert check(asgml, run) == []


def test_a_truncated_head(asgml: Asgml, run: RunPaths) -> None:
    head = run.store / "head" / "c" / "0"
    head.write_bytes(head.read_bytes()[:100])
    assert check(asgml, run) == ["run.zarr/head/c/0 holds 100 bytes, expected 256"]


def test_a_missing_head(asgml: Asgml, run: RunPaths) -> None:
    (run.store / "head" / "c" / "0").unlink()
    os.utime(run.config, (1, 1))  # long ago: no trainer is about to write it
    (problem,) = check(asgml, run)
    assert problem == "run.zarr/head/c/0 is missing"
    assert "copy run.zarr/head/c/0 again" in asgml("check", run.root).out


def test_a_head_that_promises_more_than_there_is(asgml: Asgml, run: RunPaths) -> None:
    head = zarr.open_array(run.store / "head", mode="r+")
    slots = np.asarray(head[:])
    slots[8] += 5
    head[:] = slots
    assert "steps: the head says 45, the array holds 40" in check(asgml, run)


def test_a_state_of_a_newer_version(asgml: Asgml, run: RunPaths) -> None:
    head = zarr.open_array(run.store / "head", mode="r+")
    slots = np.asarray(head[:])
    slots[2] = 99
    head[:] = slots
    (problem,) = check(asgml, run)
    assert "cannot be read" in problem


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("format", "other", "not a run"),
        ("version", 99, "run format version 99"),
        ("modalities", 3, "the manifest is damaged"),
        ("tables", {"steps": ["loss"]}, "names no columns"),
    ],
)
def test_a_manifest_that_was_changed(
    asgml: Asgml, run: RunPaths, key: str, value: object, problem: str
) -> None:
    file = run.store / "zarr.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    record["attributes"][key] = value
    file.write_text(json.dumps(record), encoding="utf-8")
    (found,) = check(asgml, run)
    assert problem in found


@pytest.mark.parametrize("modalities", [[], ["audio"], ["x", "y"], ["a"] * 1000])
def test_modalities_that_are_not_those_of_the_columns(
    asgml: Asgml, run: RunPaths, modalities: list[str]
) -> None:
    file = run.store / "zarr.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    record["attributes"]["modalities"] = modalities
    file.write_text(json.dumps(record), encoding="utf-8")
    found = [problem.partition(":")[0] for problem in check(asgml, run)]
    assert found == ["steps", "probes", "epochs"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda text: "", "run.toml: method is missing, the run was recorded with"),
        (lambda text: f"epochs = 7\n{text}", "run.toml: epochs is 7, the run was recorded with"),
    ],
)
def test_a_configuration_that_is_not_the_recorded_one(
    asgml: Asgml, run: RunPaths, change: Callable[[str], str], problem: str
) -> None:
    run.config.write_text(change(run.config.read_text(encoding="utf-8")), encoding="utf-8")
    (found,) = check(asgml, run)
    assert problem in found


def test_a_head_with_negative_numbers(asgml: Asgml, run: RunPaths) -> None:
    head = zarr.open_array(run.store / "head", mode="r+")
    slots = np.asarray(head[:])
    slots[6] = -3
    head[:] = slots
    (problem,) = check(asgml, run)
    assert "-3, expected -1 or more" in problem


def test_a_manifest_with_a_flipped_byte(asgml: Asgml, run: RunPaths) -> None:
    file = run.store / "zarr.json"
    content = bytearray(file.read_bytes())
    content[0] ^= 0x40
    file.write_bytes(content)
    assert len(check(asgml, run)) == 1


def test_columns_that_do_not_agree(asgml: Asgml, run: RunPaths) -> None:
    zarr.open_array(run.store / "epochs", mode="r+").attrs["columns"] = ["step"]
    (problem,) = check(asgml, run)
    assert problem.startswith("epochs:") and "the array's own attributes 1" in problem


def test_the_newest_checkpoint_is_missing(asgml: Asgml, run: RunPaths) -> None:
    (run.checkpoints / "last.pt").unlink()
    assert check(asgml, run) == ["checkpoints/last.pt: the newest checkpoint is missing"]


def test_an_older_checkpoint_may_be_missing(asgml: Asgml, run: RunPaths) -> None:
    (run.checkpoints / "last.pt").rename(run.checkpoints / "step-00000080.pt")
    append(run, Event("checkpoint", 80, 0, 0, 1, {"path": "checkpoints/step-00000080.pt"}))
    assert check(asgml, run) == []


def test_a_checkpoint_whose_event_is_still_to_come_stands_for_the_one_it_replaced(
    asgml: Asgml, run: RunPaths
) -> None:
    append(run, Event("checkpoint", 80, 0, 0, 1, {"path": "checkpoints/step-00000080.pt"}))
    (run.checkpoints / "last.pt").rename(run.checkpoints / "step-00000081.pt")
    assert check(asgml, run) == []
    (run.checkpoints / "step-00000081.pt").rename(run.checkpoints / "step-00000079.pt")
    (problem,) = check(asgml, run)
    assert problem.endswith("step-00000080.pt: the newest checkpoint is missing")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _flip(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"no tensors", b"no tensorz", 1))


def _compress(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"0" * 10_000)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(b"no archive"), "cannot be read"),
        (_cut, "cannot be read"),
        (_flip, "is damaged in last/data.pkl"),
        (_compress, "holds compressed entries"),
        (lambda path: path.write_bytes(b"PK\5\6" + bytes(18)), "holds no data.pkl"),
        (_pipe, "is no file"),
    ],
)
def test_a_broken_checkpoint(
    asgml: Asgml, run: RunPaths, damage: Callable[[Path], object], problem: str
) -> None:
    damage(run.checkpoints / "last.pt")
    found = check(asgml, run)
    assert found[-1].startswith("checkpoints/last.pt:") and problem in found[-1]


def test_a_checkpoint_outside_the_run_is_not_read(asgml: Asgml, run: RunPaths) -> None:
    append(run, Event("checkpoint", 41, 0, 0, 1, {"path": "../../../etc/passwd"}))
    assert check(asgml, run) == ["../../../etc/passwd: this checkpoint lies outside the run"]


def test_texts_of_others_never_reach_the_terminal_raw(asgml: Asgml, run: RunPaths) -> None:
    append(run, Event("checkpoint", 41, 0, 0, 1, {"path": "checkpoints/\x1b[31m\u202ered\n.pt"}))
    out = asgml("check", run.root).out
    assert "␛[31m�red" in out and "\x1b" not in out and len(out.splitlines()) == 1
    assert "\x1b" not in asgml("check", run.root, "--json").out


def test_a_living_run_is_checked_as_far_as_it_is_published(asgml: Asgml, tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "runs" / "tiny-01")
    manifest = tiny_manifest("tiny-01")
    with RunWriter.create(paths, manifest) as writer:
        writer.mark(State.RUNNING)
        for step in range(1, 11):
            writer.append("steps", tiny_row(manifest, "steps", step))
        writer.flush()
        assert check(asgml, paths) == []
        (paths.store / "steps" / "c" / "0" / "0").unlink()
        assert check(asgml, paths)[0].startswith("steps: chunk 0 is missing")


def test_a_run_that_is_starting_has_no_findings(asgml: Asgml, tmp_path: Path) -> None:
    run = RunPaths(tmp_path / "runs" / "tiny-01")
    run.root.mkdir(parents=True)
    run.config.write_text('method = "boost"\n', encoding="utf-8")
    assert check(asgml, run) == []
    os.utime(run.config, (1, 1))  # nobody has begun to write it since
    assert len(check(asgml, run)) == 1


def append(run: RunPaths, event: Event) -> None:
    """Add an event as a resumed trainer would."""
    with RunWriter.resume(run) as writer:
        writer.event(event)
