"""The index of a folder of runs: it saves time and can never be the reason of a wrong table."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny_manifest, tiny_row, write_tiny_run

from asgml.storage.format.layout import RunPaths, find_run, list_runs
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.process import start_of, this_host
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run
from asgml.storage.read.summary import summarize
from asgml.storage.runs import index as index_module
from asgml.storage.runs.index import read_records
from asgml.storage.runs.index_file import IndexFile
from asgml.storage.runs.labels import LabelsRefusedError, read_labels, write_labels
from asgml.storage.runs.record import RunLabels, RunRecord
from asgml.storage.write.writer import RunWriter

HOSTILE = "a\x1b[31m[bold]‮"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "asgml"


@pytest.fixture
def folder(tmp_path: Path, tiny_run: RunPaths) -> Path:
    """Three runs, one of them in a plan."""
    for name in ("first-01", "second-01", "plan/row-s0"):
        shutil.copytree(tiny_run.root, tmp_path / "runs" / name)
    return tmp_path / "runs"


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the runs that were read, rather than known."""
    names: list[str] = []
    read = index_module.read_content

    def counted(paths: RunPaths) -> Any:
        names.append(paths.name)
        return read(paths)

    monkeypatch.setattr(index_module, "read_content", counted)
    return names


def plain(record: RunRecord) -> dict[str, Any]:
    """A record as values that compare, NaN included."""
    fields = dataclasses.fields(RunRecord)
    return {field.name: _plain(getattr(record, field.name)) for field in fields}


def _plain(value: Any) -> Any:
    return repr(dict(value)) if isinstance(value, Mapping) else repr(value)


def by_name(folder: Path) -> dict[str, RunRecord]:
    return {record.name: record for record in read_records(folder, archived=True)}


def write_run(root: Path, manifest: Manifest, rows: dict[str, list[list[float]]]) -> None:
    paths = RunPaths(root)
    root.mkdir(parents=True)
    writer = RunWriter.create(paths, manifest)
    for table, each in rows.items():
        for row in each:
            writer.append(table, row)
    writer.mark(step=1, epoch=0)
    writer.close(State.FINISHED)


def test_a_known_run_is_not_read_again(folder: Path, readings: list[str]) -> None:
    assert {record.name for record in read_records(folder)} == {
        "first-01",
        "second-01",
        "plan/row-s0",
    }
    assert len(readings) == 3
    read_records(folder)
    assert len(readings) == 3


def test_what_is_kept_is_what_was_read(folder: Path, tmp_path: Path) -> None:
    manifest = dataclasses.replace(
        tiny_manifest("odd-01"),
        config={"big": 2**80, "text": "é\ud800" + HOSTILE, "list": [1, 2.5], "none": None},
        parent={"run": "first-01", "step": 2**60},
    )
    columns = manifest.columns("epochs")
    strange = [math.nan, math.inf, -math.inf, -0.0, 1e-310, 0.1 + 0.2]
    row = [1.0, 2.0, 3.0, 0.0, *[strange[i % 6] for i in range(len(columns) - 4)]]
    row[columns.index("val_accuracy")] = 0.1 + 0.2
    write_run(folder / "odd-01", manifest, {"epochs": [row]})
    first, second = by_name(folder), by_name(folder)
    assert [plain(each) for each in first.values()] == [plain(each) for each in second.values()]
    odd = second["odd-01"]
    assert odd.settings["big"] == 2**80 and odd.settings["text"].startswith("é\ud800")
    assert "none" not in odd.settings and odd.settings["list"] == [1, 2.5]
    assert [repr(value) for value in odd.chosen.values()] == [repr(value) for value in row]
    assert odd.parent == {"run": "first-01", "step": 2**60}


def test_a_record_says_what_the_run_says(folder: Path) -> None:
    for _ in "cold", "warm":
        record = by_name(folder)["plan/row-s0"]
        run = Run.open(folder / "plan" / "row-s0")
        assert run.manifest is not None
        assert dict(record.summary) == summarize(run)
        assert dict(record.settings) == {"method": "boost", "data.name": "synthetic"}
        assert (record.state, record.step, record.seed) == ("finished", 40, run.manifest.seed)
        assert record.metrics["loss"].last == run.column("steps", "loss")[-1]
        assert record.seconds == 4.0 and record.started == 1000.0
        assert record.chosen["step"] == 40


def test_the_chosen_epoch_is_the_first_best_one(tmp_path: Path) -> None:
    manifest = tiny_manifest("chosen-01")
    columns = manifest.columns("epochs")
    at, loss = columns.index("val_accuracy"), columns.index("train_loss")
    accuracies = [0.5, math.nan, 0.75, 0.75, 0.625]
    rows = []
    for epoch, accuracy in enumerate(accuracies):
        row = tiny_row(manifest, "epochs", 10 * epoch)
        row[at], row[loss] = accuracy, float(epoch)
        rows.append(row)
    write_run(tmp_path / "runs" / "chosen-01", manifest, {"epochs": rows})
    (record,) = read_records(tmp_path / "runs")
    assert (record.chosen["train_loss"], record.chosen["val_accuracy"]) == (2.0, 0.75)


def test_a_regression_is_chosen_by_its_error(tmp_path: Path) -> None:
    from asgml.storage.format.regression_metrics import REGRESSION_METRICS

    manifest = dataclasses.replace(tiny_manifest("mae-01"), metrics=REGRESSION_METRICS)
    columns = manifest.columns("epochs")
    rows = []
    for epoch, (accuracy, error) in enumerate([(0.5, 0.9), (0.6, 0.7), (0.9, 0.8)]):
        row = [float(epoch)] * len(columns)
        row[columns.index("val_accuracy")], row[columns.index("val_mae")] = accuracy, error
        rows.append(row)
    write_run(tmp_path / "runs" / "mae-01", manifest, {"epochs": rows})
    (record,) = read_records(tmp_path / "runs")
    assert (record.chosen["val_mae"], record.chosen["val_accuracy"]) == (0.7, 0.6)


def test_one_changed_run_costs_one_reading(folder: Path, readings: list[str]) -> None:
    read_records(folder)
    del readings[:]
    paths = RunPaths(folder / "first-01")
    writer = RunWriter.resume(paths)
    writer.close(State.STOPPED)
    assert by_name(folder)["first-01"].state == "stopped"
    assert readings == ["first-01"]


def test_a_run_replaced_by_another_is_read_anew(folder: Path, readings: list[str]) -> None:
    read_records(folder)
    del readings[:]
    shutil.rmtree(folder / "first-01")
    write_tiny_run(folder / "first-01")  # every count is the same, the times are not
    read_records(folder)
    assert readings == ["first-01"]


def test_a_changed_configuration_is_seen(folder: Path, readings: list[str]) -> None:
    read_records(folder)
    del readings[:]
    os.utime(folder / "second-01" / "run.toml", ns=(5, 5))
    read_records(folder)
    assert readings == ["second-01"]


def test_a_run_that_is_gone_is_gone(folder: Path, cache: Path) -> None:
    read_records(folder)
    shutil.rmtree(folder / "first-01")
    assert "first-01" not in by_name(folder)
    (file,) = cache.glob("*.sqlite")
    with sqlite3.connect(file) as database:
        names = {name for (name,) in database.execute("SELECT name FROM runs")}
    assert names == {"second-01", "plan/row-s0"}


def test_a_run_deleted_while_the_folder_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = index_module.read_content

    def after_removal(paths: RunPaths) -> Any:
        shutil.rmtree(paths.root, ignore_errors=True)
        return read(paths)

    monkeypatch.setattr(index_module, "read_content", after_removal)
    assert {record.state for record in read_records(folder)} == {"unreadable"}
    assert read_records(folder) == []


def test_whether_a_trainer_lives_is_never_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head of a crashed run is the one that it had while it trained."""
    monkeypatch.setattr("asgml.storage.read.liveness.this_host", lambda: "here")
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        set_head(folder / "first-01", State.RUNNING, sleeper.pid)
        for _ in "cold", "warm":
            assert by_name(folder)["first-01"].state == "stale"
    finally:
        sleeper.kill()
        sleeper.wait()
    record = by_name(folder)["first-01"]
    assert record.state == record.summary["state"] == "crashed"


def set_head(root: Path, state: State, pid: int) -> None:
    """Write a head that says so of a process of this computer, silent since 1970."""
    file = root / "run.zarr" / "head" / "c" / "0"
    slots = np.frombuffer(file.read_bytes(), "<i8").copy()
    slots[1:5] = 1, state, pid, start_of(pid) or 0
    file.write_bytes(slots.tobytes())


def test_a_resumed_run_is_starting_at_once(folder: Path) -> None:
    assert by_name(folder)["first-01"].state == "finished"
    mine = {"pid": os.getpid(), "process_start": start_of(os.getpid()), "host": this_host()}
    set_head(folder / "first-01", State.FINISHED, 1)
    (folder / "first-01" / "launch.json").write_text(json.dumps(mine))
    for _ in "cold", "warm":
        assert by_name(folder)["first-01"].state == "starting"


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_damaged_index_is_made_anew(folder: Path, cache: Path, content: bytes) -> None:
    expected = {name: plain(each) for name, each in by_name(folder).items()}
    (file,) = cache.glob("*.sqlite")
    file.write_bytes(content)
    for _ in "damaged", "made anew":
        assert {name: plain(each) for name, each in by_name(folder).items()} == expected
    assert file.read_bytes() != content


def test_no_changed_byte_of_the_index_changes_a_record(folder: Path, cache: Path) -> None:
    expected = {name: plain(each) for name, each in by_name(folder).items()}
    (file,) = cache.glob("*.sqlite")
    whole = bytearray(file.read_bytes())
    for place in range(50, len(whole), len(whole) // 60):
        damaged = whole.copy()
        damaged[place] ^= 0x55
        file.write_bytes(damaged)
        assert {name: plain(each) for name, each in by_name(folder).items()} == expected


def test_an_index_of_other_code_or_another_folder_is_made_anew(
    folder: Path, cache: Path, readings: list[str]
) -> None:
    read_records(folder)
    (file,) = cache.glob("*.sqlite")
    for change in ("PRAGMA user_version = 7", "UPDATE folder SET path = '/another'"):
        with sqlite3.connect(file) as database:
            database.execute(change)
        database.close()
        del readings[:]
        read_records(folder)
        assert len(readings) == 3
        read_records(folder)
        assert len(readings) == 3


def test_without_a_place_for_an_index_everything_is_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readings: list[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for count in (3, 6):
        assert len(read_records(folder)) == 3
        assert len(readings) == count


def test_nothing_is_written_into_the_folder_of_runs(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    read_records(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_locked_index_is_read_past(folder: Path, cache: Path, readings: list[str]) -> None:
    read_records(folder)
    (file,) = cache.glob("*.sqlite")
    os.utime(folder / "second-01" / "run.toml", ns=(5, 5))
    other = sqlite3.connect(file)
    other.execute("BEGIN IMMEDIATE")  # another process is about to write
    index = IndexFile(folder)
    assert len(index.rows()) == 3
    index.close()
    other.rollback()
    other.close()


def test_two_processes_at_once(folder: Path, tiny_run: RunPaths) -> None:
    for number in range(30):
        shutil.copytree(tiny_run.root, folder / f"more-{number:02d}")
    code = (
        "import sys; from pathlib import Path; from asgml.storage.runs import index\n"
        "index.KEEP_EVERY = 3\n"
        "print(len(index.read_records(Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-P", "-c", code, str(folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate()[0].split() for process in both] == [[b"33"], [b"33"]]
    index = IndexFile(folder)
    assert len(index.rows()) == 33
    index.close()


def test_known_runs_need_no_zarr(folder: Path) -> None:
    read_records(folder)
    code = (
        "import sys; from pathlib import Path\n"
        "from asgml.storage.runs.index import read_records\n"
        "print([r.chosen['val_accuracy'] for r in read_records(Path(sys.argv[1]))])\n"
        "print(sorted({'zarr', 'torch', 'numpy', 'pydantic'} & set(sys.modules)))"
    )
    command = [sys.executable, "-P", "-c", code, str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == ["[1.0, 1.0, 1.0]", "[]"]


def test_a_run_with_a_lost_chunk_is_read_each_time(folder: Path, readings: list[str]) -> None:
    """The chunk may come back, and the head would not tell."""
    chunk = folder / "first-01" / "run.zarr" / "steps" / "c" / "0" / "0"
    content = chunk.read_bytes()
    chunk.unlink()
    assert by_name(folder)["first-01"].problems
    chunk.write_bytes(content)
    assert not by_name(folder)["first-01"].problems


def test_what_is_no_run_is_a_record_all_the_same(folder: Path) -> None:
    (folder / "first-01" / "run.zarr" / "zarr.json").write_text('{"zarr_format": 2}')
    (folder / "second-01" / "run.zarr" / "head" / "c" / "0").unlink()
    os.mkfifo(folder / "second-01" / "run.zarr" / "head" / "c" / "0")
    records = by_name(folder)
    for name in ("first-01", "second-01"):
        assert records[name].state == "unreadable" and len(records[name].problems) == 1
        assert records[name].summary["problems"] == list(records[name].problems)
    assert records["plan/row-s0"].state == "finished"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"title": 3, "tags": "abc", "note": [], "archived": "yes"}',
        b'{"tags": [1, 2]}',
        b'{"note": "' + b"x" * 100_000 + b'"}',
    ],
)
def test_labels_of_other_types_count_as_none(folder: Path, content: bytes) -> None:
    paths = RunPaths(folder / "first-01")
    paths.labels.write_bytes(content)
    assert read_labels(paths) == RunLabels()
    assert by_name(folder)["first-01"].labels == RunLabels()


def test_labels_that_are_no_file_are_not_opened(folder: Path) -> None:
    paths = RunPaths(folder / "first-01")
    os.mkfifo(paths.labels)
    assert read_labels(paths) == RunLabels()


def test_labels_that_are_a_link_are_not_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs.json").write_text('{"title": "theirs", "tags": ["t"]}')
    for name in ("first-01", "plan/row-s0"):
        paths = RunPaths(folder / name)
        paths.labels.symlink_to(tmp_path / "theirs.json")
        assert read_labels(paths) == by_name(folder)[name].labels == RunLabels()
        write_labels(paths, RunLabels(title="mine"))
        assert read_labels(paths).title == "mine"
    assert "theirs" in (tmp_path / "theirs.json").read_text()


def test_labels_are_never_written_through_a_link(folder: Path, tmp_path: Path) -> None:
    (folder / "link").symlink_to(folder / "first-01")
    with pytest.raises(LabelsRefusedError, match="is a link"):
        write_labels(RunPaths(folder / "link"), RunLabels(title="x"))
    aside = folder / "second-01" / f".labels.json.{os.getpid()}.partial"
    aside.symlink_to(tmp_path / "outside")
    write_labels(RunPaths(folder / "second-01"), RunLabels(title="x"))
    assert not (tmp_path / "outside").exists() and not RunPaths(folder / "first-01").labels.exists()


def test_labels_are_always_as_they_are_now(folder: Path, readings: list[str]) -> None:
    read_records(folder)
    labels = RunLabels("a title é\ud800", ("good", "x"), HOSTILE, archived=True)
    write_labels(RunPaths(folder / "first-01"), labels)
    assert by_name(folder)["first-01"].labels == labels
    assert len(readings) == 3, "a label is no reason to read a run"
    assert "first-01" not in [record.name for record in read_records(folder)]
    assert not list((folder / "first-01").glob(".*"))


def test_a_run_is_found_by_name_title_and_prefix(folder: Path, tiny_run: RunPaths) -> None:
    write_labels(RunPaths(folder / "first-01"), RunLabels(title="The good one"))
    shutil.copytree(tiny_run.root, folder / "other" / "row-s1")
    for given, name in {
        "plan/row-s0": "plan/row-s0",
        "row-s0": "plan/row-s0",
        "The good one": "first-01",
        "sec": "second-01",
        "other/": "other/row-s1",
    }.items():
        assert find_run(given, folder).root == folder / name
    with pytest.raises(Exception, match=r"means 2 runs: .*/row-s.*, .*/row-s"):
        find_run("row-s", folder)


def test_latest_counts_the_runs_of_plans(folder: Path) -> None:
    os.utime(folder / "plan" / "row-s0" / "run.toml", ns=(2**62, 2**62))
    assert find_run("latest", folder).root == folder / "plan" / "row-s0"
    assert list_runs(folder)[0].name == "row-s0"


def test_a_linked_folder_is_no_plan(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(folder / "plan")
    (folder / "linked").symlink_to(folder / "plan")
    (folder / "itself").symlink_to(folder)
    assert len(read_records(folder)) == 3


def test_a_store_that_opens_while_its_run_is_read_is_seen_the_next_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, aside = RunPaths(folder / "first-01"), folder / "aside"
    writer = RunWriter.resume(paths)
    paths.store.rename(aside)
    read = index_module.read_content

    def opens(paths: RunPaths) -> Any:
        if aside.exists():
            aside.rename(folder / "first-01" / paths.store.name)
        return read(paths)

    monkeypatch.setattr(index_module, "read_content", opens)
    assert "first-01" in by_name(folder)
    assert by_name(folder)["first-01"].state == "starting"
    writer.close(State.STOPPED)
