"""The reader: traps of zarr, damaged and foreign stores; it never writes."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_kit import (
    WIDTHS,
    new_writer,
    note,
    problems_of,
    row,
    rows_of,
    small_manifest,
    write_steps,
)

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import FormatError
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run, RunNotFoundError, open_run
from asgml.storage.write.writer import RunWriter


def test_an_open_array_is_opened_again_when_it_has_grown(tmp_path: Path) -> None:
    """Zarr clips a slice beyond the shape that an array had when it was opened."""
    with new_writer(tmp_path / "run-01") as writer:
        run = Run.open(tmp_path / "run-01")
        for first in range(1, 5001, 500):
            write_steps(writer, range(first, first + 500))
            writer.flush()
            run.refresh()
            assert run.rows("steps") == first + 499
    assert np.array_equal(run.table("steps"), rows_of("steps", range(1, 5001)))


def test_whole_chunks_of_nan_are_data(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        for _ in range(2500):
            writer.append("steps", [np.nan] * WIDTHS["steps"])
        write_steps(writer, range(1, 3))
    run = Run.open(tmp_path / "run-01")
    assert run.problems == []
    assert run.rows("steps") == 2502 and np.isnan(run.table("steps")[:2500]).all()
    assert len(list((tmp_path / "run-01" / "run.zarr" / "steps" / "c").iterdir())) == 3
    assert not np.isnan(run.table("steps")[2500:]).any()


def test_a_nan_among_numbers_stays_where_it_is(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        for step in range(1, 50):
            writer.append("steps", [*row("steps", step)[:-1], np.nan if step % 7 == 0 else step])
    last = Run.open(tmp_path / "run-01").table("steps")[:, -1]
    assert np.flatnonzero(np.isnan(last)).tolist() == [6, 13, 20, 27, 34, 41, 48]


def test_reading_changes_nothing(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 1500))
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in tmp_path.rglob("*")}
    run = Run.open(tmp_path / "run-01")
    run.refresh()
    run.knobs_at()
    problems_of(tmp_path / "run-01")
    assert {
        path: (path.stat().st_mtime_ns, path.stat().st_size) for path in tmp_path.rglob("*")
    } == before


def test_opening_nothing_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError, match=r"neither run\.toml nor run\.zarr"):
        Run.open(tmp_path / "run-01")
    assert list(tmp_path.iterdir()) == []


def test_a_run_opens_before_its_store_is_there(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "run-01")
    paths.root.mkdir()
    paths.config.write_text("")
    run = Run.open(paths)
    assert run.manifest is None and run.head is None and run.rows("steps") == 0
    assert (
        run.events == []
        and run.log_lines == []
        and run.knobs_at() == {}
        and run.times("steps").size == 0
    )
    assert (
        run.current_rows("steps").size == 0
        and run.timeline().size == 0
        and run.table("steps").shape[0] == 0
    )
    with new_writer(paths.root) as writer:
        write_steps(writer, range(1, 3))
        writer.flush()
        assert run.refresh()
        assert run.manifest == small_manifest("run-01") or run.manifest is not None
        assert run.rows("steps") == 2


def test_refresh_says_whether_anything_changed(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01", flush_every=60) as writer:
        run = Run.open(tmp_path / "run-01")
        writer.append("steps", row("steps", 1))
        writer.flush()
        assert run.refresh()
    assert run.refresh()
    assert not run.refresh()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"\xff" * len(content),
    ],
)
def test_a_damaged_chunk_is_named_and_the_rest_is_read(tmp_path: Path, damage: object) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 4001))
        write_steps(writer, range(1, 11), table="probes")
    chunk = tmp_path / "run-01" / "run.zarr" / "steps" / "c" / "1" / "0"
    chunk.write_bytes(damage(chunk.read_bytes()))  # type: ignore[operator]
    run = Run.open(tmp_path / "run-01")
    assert len(run.problems) == 1 and run.problems[0].startswith("steps: chunk 1 cannot be read")
    assert run.rows("steps") == 4000 and run.rows("probes") == 10
    assert np.isnan(run.table("steps")[1024:2048]).all()
    expected = rows_of("steps", range(1, 4001))
    assert np.array_equal(run.table("steps")[:1024], expected[:1024]) and np.array_equal(
        run.table("steps")[2048:], expected[2048:]
    )
    assert any("chunk 1" in problem for problem in problems_of(tmp_path / "run-01"))


def test_a_missing_chunk_is_named(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 3001))
    (tmp_path / "run-01" / "run.zarr" / "steps" / "c" / "0" / "0").unlink()
    run = Run.open(tmp_path / "run-01")
    assert [problem.partition(";")[0] for problem in run.problems] == ["steps: chunk 0 is missing"]
    assert np.array_equal(run.table("steps")[1024:], rows_of("steps", range(1025, 3001)))
    assert "steps: rows 0 to 1023 are empty" in problems_of(tmp_path / "run-01")


def test_a_head_that_promises_too_much_is_a_problem(tmp_path: Path) -> None:
    new_writer(tmp_path / "run-01").close()
    head = zarr.open_array(tmp_path / "run-01" / "run.zarr" / "head", mode="r+")
    slots = np.asarray(head[:])
    slots[0] += 1
    slots[8] = 50
    head[:] = slots
    run = Run.open(tmp_path / "run-01")
    assert run.rows("steps") == 0 and run.problems == ["steps: the head says 50, the array holds 0"]


def test_a_store_that_is_no_run_is_refused(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "run-01" / "run.zarr", attributes={"format": "other"})
    (tmp_path / "run-01" / "run.zarr" / "head" / "c").mkdir(parents=True)
    (tmp_path / "run-01" / "run.zarr" / "head" / "c" / "0").write_bytes(
        np.zeros(32, np.int64).tobytes()
    )
    with pytest.raises(FormatError, match="not a run"):
        Run.open(tmp_path / "run-01")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    new_writer(tmp_path / "run-01").close()
    metadata = tmp_path / "run-01" / "run.zarr" / "zarr.json"
    record = json.loads(metadata.read_text())
    record["attributes"]["version"] = 2
    metadata.write_text(json.dumps(record))
    with pytest.raises(FormatError, match="version 2"):
        Run.open(tmp_path / "run-01")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"zarr_format": 3}', "\x00\x01"])
def test_a_damaged_manifest_is_a_format_error(tmp_path: Path, content: str) -> None:
    new_writer(tmp_path / "run-01").close()
    (tmp_path / "run-01" / "run.zarr" / "zarr.json").write_text(content)
    with pytest.raises(FormatError):
        Run.open(tmp_path / "run-01")


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    key=st.sampled_from(sorted(small_manifest().to_json())),
    junk=st.sampled_from([None, 3, "x", [], {}, [1], [{}], {"steps": 1}, -1.5]),
)
def test_a_manifest_with_junk_is_read_or_refused(tmp_path: Path, key: str, junk: object) -> None:
    root = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
    with new_writer(root) as writer:
        write_steps(writer, range(1, 4))
    metadata = root / "run.zarr" / "zarr.json"
    record = json.loads(metadata.read_text())
    record["attributes"][key] = junk
    metadata.write_text(json.dumps(record))
    try:
        run = Run.open(root)
    except FormatError as error:
        assert "\n" not in str(error)
    else:
        assert run.rows("steps") == 3


def test_a_manifest_that_is_no_json_is_not_written(tmp_path: Path) -> None:
    for config in ({"lr": float("nan")}, {"path": tmp_path}):
        with pytest.raises(FormatError, match="cannot be written as JSON"):
            RunWriter.create(
                RunPaths(tmp_path / "run-01"), replace(small_manifest(), config=config)
            )
    assert not (tmp_path / "run-01" / "writer.lock").exists()


@pytest.mark.parametrize("rows_before", [1100, 3, 2])
def test_a_run_that_was_made_anew_under_the_same_name_is_read_anew(
    tmp_path: Path, rows_before: int
) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, rows_before + 1))
        writer.log("old")
    run = Run.open(tmp_path / "run-01")
    shutil.rmtree(tmp_path / "run-01")
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1001, 1004))
        writer.log("new")
    run.refresh()
    assert run.column("steps", "step").tolist() == [1001, 1002, 1003]
    assert run.log_lines == ["new"] and run.state() == "finished"


def test_a_run_that_disappears_keeps_what_was_read(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 11))
    run = Run.open(tmp_path / "run-01")
    shutil.rmtree(tmp_path / "run-01")
    assert not run.refresh()
    assert run.rows("steps") == 10


def test_a_store_that_may_not_be_read_is_a_problem_not_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        run = Run.open(tmp_path / "run-01")
        write_steps(writer, range(1, 11))
    with monkeypatch.context() as patch:
        patch.setattr(
            "asgml.storage.read.head_reader.read_bounded",
            lambda path: (_ for _ in ()).throw(PermissionError(13, "Permission denied")),
        )
        run.refresh()
        assert len(run.problems) == 1 and "Permission denied" in run.problems[0]
    run.refresh()
    assert run.rows("steps") == 10 and run.problems == []


def test_an_array_that_cannot_be_opened_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 11))
        write_steps(writer, range(1, 11), table="probes")
    (tmp_path / "run-01" / "run.zarr" / "steps" / "zarr.json").write_text("{")
    run = Run.open(tmp_path / "run-01")
    assert run.rows("probes") == 10 and run.rows("steps") == 0
    assert len(run.problems) == 1 and run.problems[0].startswith(
        "steps: the array cannot be opened"
    )
    assert any(problem.startswith("steps:") for problem in problems_of(tmp_path / "run-01"))


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 4))
        writer.append("probes", row("probes", 2))
    run = Run.open(tmp_path / "run-01")
    assert run.find_column("grad_norm/visual") == ("steps", 6)
    assert run.find_column("step") == ("steps", 0)
    assert run.find_column("probe_accuracy/audio") == ("probes", 4)
    assert run.column("steps", "loss").tolist() == [1, 2, 3]
    with pytest.raises(KeyError, match=r"no column 'grad_nrm'; there are .*grad_norm/audio"):
        run.find_column("grad_nrm")
    with pytest.raises(KeyError, match="no table 'stps'; there are steps, probes"):
        run.table("stps")


def test_views_cannot_be_written(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 4))
    with pytest.raises(ValueError, match="read-only"):
        Run.open(tmp_path / "run-01").table("steps")[0, 0] = 1


def test_xarray_reads_a_finished_run_without_our_code(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 1501))
        writer.log("a line")
    data = xarray.open_zarr(tmp_path / "run-01" / "run.zarr", consolidated=False)
    assert data["steps"].dims == ("steps_row", "steps_column")
    assert np.array_equal(data["steps"].values, rows_of("steps", range(1, 1501)))
    assert bytes(data["log"].values) == b"a line\n"
    loss = data["steps"].attrs["columns"].index("loss")
    assert data["steps"].attrs["units"][loss] == "nat"
    assert data.attrs["format"] == "asgml-run"


def test_plain_zarr_sees_no_empty_rows_in_a_finished_run(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 1501))
    group = zarr.open_group(tmp_path / "run-01" / "run.zarr", mode="r")
    assert {
        name: array.shape[0] for name, array in group.arrays() if name != "log" and name != "events"
    } == {
        "head": 32,
        "steps": 1500,
        "probes": 0,
        "epochs": 0,
        "system": 0,
    }


def test_a_large_run_opens_with_few_system_calls(tmp_path: Path) -> None:
    """The reader never lists: on a network that is what costs."""
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 1501))
    listed: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("listdir", "scandir"):
            patch.setattr(os, name, lambda *given: listed.append(given))
        Run.open(tmp_path / "run-01").refresh()
    assert listed == []


def test_a_text_in_any_language_and_with_any_sign_comes_back(tmp_path: Path) -> None:
    lines = [
        "grün 音",
        "\x1b[31mred\x1b[0m",
        "[bold]markup[/bold]",
        "tab\tand\rreturn",
        "\u202eturned",
        "\x00nul",
        "",
    ]
    with new_writer(tmp_path / "run-01") as writer:
        for line in lines:
            writer.log(line)
            writer.event(note(1, line))
        writer.log("two\nlines")
        writer.log("half a pair \ud800")
    run = Run.open(tmp_path / "run-01")
    assert run.log_lines == [*lines, "two", "lines", "half a pair \\ud800"]
    assert [event.get("note") for event in run.events] == lines


def test_a_text_of_many_chunks_comes_back(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        run = Run.open(tmp_path / "run-01")
        for number in range(20_000):
            writer.log(f"line {number}")
            if number % 1500 == 0:
                writer.flush()
                run.refresh()
    run.refresh()
    assert (
        run.log_lines
        == Run.open(tmp_path / "run-01").log_lines
        == [f"line {number}" for number in range(20_000)]
    )


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    """Another writer may publish in the middle of a line."""
    with new_writer(tmp_path / "run-01", flush_every=60) as writer:
        line = note(1, "cut in two").to_line()
        run = Run.open(tmp_path / "run-01")
        for part in (line[:10], line[10:]):
            writer._buffer.add_text("events", part)
            writer.flush()
            run.refresh()
            assert len(run.events) == (1 if part == line[10:] else 0)
    assert run.events[0].get("note") == "cut in two"


def test_a_line_that_is_no_event_is_shown_as_such(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        writer.event(note(1, "before"))
        writer._buffer.add_text("events", b'{"kind": "comm\n')
        writer.event(note(2, "after"))
    run = Run.open(tmp_path / "run-01")
    assert [event.kind for event in run.events] == ["command", "unreadable", "command"]
    assert any(
        problem.startswith("events: line 2 is no event")
        for problem in problems_of(tmp_path / "run-01")
    )


def test_the_check_finds_an_array_that_was_not_cut(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 11))
    assert problems_of(tmp_path / "run-01") == []
    zarr.open_array(tmp_path / "run-01" / "run.zarr" / "steps", mode="r+").resize(
        (1024, WIDTHS["steps"])
    )
    assert problems_of(tmp_path / "run-01") == [
        "steps: the run has ended with 10, the array was not cut from 1024"
    ]


def test_the_state_of_a_run_that_goes_on(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "run-01")
    run = Run.open(tmp_path / "run-01")
    for state in (State.RUNNING, State.PAUSED, State.STOPPING):
        writer.mark(state)
        writer.flush()
        assert run.refresh() and run.state() == state.label
    writer.close(State.STOPPED)
    run.refresh()
    assert run.state() == "stopped"
    RunWriter.resume(RunPaths(tmp_path / "run-01")).close()


def test_the_check_compares_the_columns(tmp_path: Path) -> None:
    new_writer(tmp_path / "run-01").close()
    zarr.open_array(tmp_path / "run-01" / "run.zarr" / "probes", mode="r+").attrs["columns"] = [
        "step"
    ]
    assert [problem.partition(":")[0] for problem in problems_of(tmp_path / "run-01")] == ["probes"]


def test_a_run_is_opened_by_its_path_as_text_or_path(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 11))
    for path in (tmp_path / "run-01", str(tmp_path / "run-01")):
        assert open_run(path).rows("steps") == 10
    with pytest.raises(RunNotFoundError, match=r"no run in .*nothing: there is neither run\.toml"):
        open_run(str(tmp_path / "nothing"))
