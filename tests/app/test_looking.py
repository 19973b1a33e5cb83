"""runs, show, tail and export: what they print of a run, in words and as data."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asgml.app.charts import key_charts as charts
from asgml.app.errors import FAILED, NOT_FOUND, USAGE
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.metrics import TABLES
from asgml.storage.read.reader import Run

Asgml = Callable[..., "Said"]
PROMISED = {"path", "name", "state", "step", "epoch", "pid", "host", "started", "knobs", "metrics"}


@pytest.fixture
def here(tiny_run: RunPaths, monkeypatch: pytest.MonkeyPatch) -> RunPaths:
    """The tiny run in the runs directory of the settings."""
    monkeypatch.setenv("ASGML_RUNS", str(tiny_run.root.parent))
    return tiny_run


def test_json_carries_what_is_promised(asgml: Asgml, here: RunPaths) -> None:
    (listed,) = asgml("runs", "--json").json
    shown = asgml("show", "tiny", "--json").json
    assert listed.keys() >= PROMISED and shown.keys() >= PROMISED
    of_one_run = {"events", "alerts"}
    shared = {key: value for key, value in shown.items() if key not in of_one_run}
    assert {key: listed[key] for key in shared} == shared
    assert (shown["name"], shown["state"], shown["step"], shown["epoch"]) == (
        "tiny-01",
        "finished",
        40,
        3,
    )
    assert shown["knobs"] == {"boost.alpha": 0.25, "probe.eval_freq": 10}


def test_last_and_best_are_those_of_the_columns(asgml: Asgml, here: RunPaths) -> None:
    metrics = asgml("show", "tiny", "--json").json["metrics"]
    run = Run.open(here)
    assert run.manifest is not None
    for metric in run.manifest.metrics:
        for column in metric.columns(run.manifest.modalities):
            if not run.rows(metric.table):
                assert column not in metrics
                continue
            values = run.column(metric.table, column)
            best = {"high": np.nanmax, "low": np.nanmin, "": lambda _: None}[metric.better](values)
            assert metrics[column]["last"] == values[-1] and metrics[column]["best"] == best


def test_nan_is_null(asgml: Asgml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tiny

    monkeypatch.setattr(
        tiny,
        "tiny_row",
        lambda manifest, table, step: [
            float(step),
            *[math.nan] * (len(manifest.columns(table)) - 1),
        ],
    )
    tiny.write_tiny_run(tmp_path / "nan-01")
    loss = asgml("show", "nan-01", "--runs", tmp_path, "--json").json["metrics"]["loss"]
    assert (loss["last"], loss["best"], loss["best_step"]) == (None, None, None)
    assert asgml("show", "nan-01", "--runs", tmp_path).code == 0


def test_show_tells_the_code_that_a_run_came_out_of(
    asgml: Asgml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tiny

    record = {
        "versions": {"asgml": "0.2.0", "asgml_commit": "ab" * 20 + "-dirty", "numpy": "2.1.3"},
        "git": {"commit": "cd" * 20, "dirty": True, "folder": "/home/me/paper"},
        "code": [
            {"use": "modulator", "path": "/home/me/calm.py", "sha256": "ef" * 32, "commit": ""},
            {"use": "\x1b[31m", "path": 7},  # written by anybody
        ],
        "numerics": {"threads": 2},
        "parent": {"run": "boost-01", "path": "/runs/boost-01", "step": 40},
    }
    monkeypatch.setattr(
        tiny, "tiny_manifest", lambda name, made=tiny.tiny_manifest: replace(made(name), **record)
    )
    tiny.write_tiny_run(tmp_path / "a-01")
    shown = asgml("show", "a-01", "--runs", tmp_path, "--json").json
    assert {key: shown[key] for key in record} == record
    said = asgml("show", "a-01", "--runs", tmp_path).out
    for part in (
        "asgml 0.2.0, numpy 2.1.3",
        "commit cdcdcdcdcdcd, changed since, of /home/me/paper",
        "commit abababababab, changed since",
        "/home/me/calm.py, sha256 efefefefefef, in no repository",
        "boost-01 at step 40, in /runs/boost-01",
    ):
        assert part in said
    assert "\x1b" not in said


def test_show_tells_what_each_modality_reached_alone(
    asgml: Asgml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tiny

    manifest = tiny.tiny_manifest("joint-01")
    record = {"path": "/runs/\x1b[31ma", "step": 9, "val_accuracy": 0.625, "test_accuracy": None}
    manifest.data["references"] = {"audio": record}
    monkeypatch.setattr(tiny, "tiny_manifest", lambda name: manifest)
    tiny.write_tiny_run(tmp_path / "joint-01")
    said = asgml("show", "joint-01", "--runs", tmp_path)
    assert "audio: validation 0.625, test –, in /runs/␛[31ma" in said.out
    found = asgml("show", "joint-01", "--runs", tmp_path, "--json").json["references"]
    assert found["audio"]["val_accuracy"] == 0.625 and found["audio"]["test_accuracy"] is None


def test_the_words_of_others_never_reach_the_terminal_raw(asgml: Asgml, here: RunPaths) -> None:
    for arguments in (
        ("show", "tiny"),
        ("show", "tiny", "--json"),
        ("tail", "tiny"),
        ("tail", "tiny", "--json"),
        ("runs",),
    ):
        said = asgml(*arguments)
        assert said.code == 0
        assert "\x1b[31m" not in said.out and "\u202e" not in said.out
    assert "[bold]markup[/bold]" in asgml("show", "tiny").out


def test_show_draws_a_chart_for_each_key_panel(asgml: Asgml, here: RunPaths) -> None:
    drawn = asgml("show", "tiny").out
    for panel in ("loss", "probe accuracy", "boost scale", "gradient norm (log)"):
        assert any(line.strip() == panel for line in drawn.splitlines()), panel
    assert "probe accuracy\n" not in asgml("show", "tiny", "--no-charts").out


def test_the_learning_rate_has_a_chart_where_it_changes(
    asgml: Asgml, here: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_drawn() -> bool:
        return any(line.strip() == "lr" for line in asgml("show", "tiny").out.splitlines())

    assert is_drawn()
    steps = np.arange(40.0)
    monkeypatch.setattr(charts, "_lines", lambda run, metric: [("lr", steps, steps * 0 + 0.5)])
    assert not is_drawn(), "a rate that stays is a number in the table"


def test_tail_gives_steps_and_events_in_order(asgml: Asgml, here: RunPaths) -> None:
    records = [
        json.loads(line) for line in asgml("tail", "tiny", "--json", "-n", 1000).out.splitlines()
    ]
    assert [record["wall_time"] for record in records] == sorted(
        record["wall_time"] for record in records
    )
    assert [record["step"] for record in records if record["table"] == "steps"] == list(
        range(1, 41)
    )
    assert [record["kind"] for record in records if record["table"] == "events"] == [
        event.kind for event in Run.open(here).events
    ]
    assert [
        record["loss"] for record in records if record["table"] == "steps" and record["step"] == 20
    ] == [None]


def test_tail_can_thin_out_the_steps(asgml: Asgml, here: RunPaths) -> None:
    records = [
        json.loads(line)
        for line in asgml("tail", "tiny", "--json", "-n", 1000, "--every", 10).out.splitlines()
    ]
    assert [record["step"] for record in records if record["table"] == "steps"] == [10, 20, 30, 40]


def test_following_ends_with_the_run(asgml: Asgml, runs: Path) -> None:
    asgml("train", "--epochs", 3, "--name", "a", "--detach")
    said = asgml("tail", "a", "--follow", "--json", "-n", 1000)
    steps = [
        record["step"]
        for line in said.out.splitlines()
        if (record := json.loads(line))["table"] == "steps"
    ]
    assert said.code == 0 and steps == list(range(1, 31))
    asgml("train", "--device", "cuda:8", "--name", "b", "--detach")
    assert asgml("tail", "b", "--follow").code == FAILED


def test_csv_holds_every_digit(asgml: Asgml, here: RunPaths, tmp_path: Path) -> None:
    said = asgml("export", "tiny", "--to", "csv", tmp_path / "out")
    assert said.code == 0 and len(said.out.splitlines()) == 5
    run = Run.open(here)
    for table in TABLES:
        with (tmp_path / "out" / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            columns, *rows = list(csv.reader(file))
        assert columns == run.columns(table)
        np.testing.assert_array_equal(
            np.array([[float(cell) for cell in row] for row in rows]).reshape(-1, len(columns)),
            run.table(table),
        )


def test_parquet_holds_the_same(asgml: Asgml, here: RunPaths, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert asgml("export", "tiny", "--to", "parquet", tmp_path / "out").code == 0
    run = Run.open(here)
    for table in TABLES:
        read = parquet.read_table(tmp_path / "out" / f"{table}.parquet")
        assert read.column_names == run.columns(table)
        for name in read.column_names:
            np.testing.assert_array_equal(read[name].to_numpy(), run.column(table, name))
    assert parquet.read_table(tmp_path / "out" / "events.parquet").num_rows == len(run.events)


def test_jsonl_names_the_table_of_each_line(asgml: Asgml, here: RunPaths, tmp_path: Path) -> None:
    assert asgml("export", "tiny", "--to", "jsonl", tmp_path / "out.jsonl").code == 0
    records = [
        json.loads(line)
        for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    run = Run.open(here)
    counts = {
        table: sum(record["table"] == table for record in records) for table in (*TABLES, "events")
    }
    assert counts == {**{table: run.rows(table) for table in TABLES}, "events": len(run.events)}
    assert (
        next(record for record in records if record["table"] == "steps" and record["step"] == 20)[
            "loss"
        ]
        is None
    )


def test_export_writes_over_nothing_unasked(asgml: Asgml, here: RunPaths, tmp_path: Path) -> None:
    (tmp_path / "steps.csv").write_text("mine", encoding="utf-8")
    assert asgml("export", "tiny", "--to", "csv", tmp_path).code == USAGE
    assert (tmp_path / "steps.csv").read_text(encoding="utf-8") == "mine"
    assert asgml("export", "tiny", "--to", "csv", tmp_path, "--force").code == 0
    assert asgml("export", "tiny", "--to", "jsonl", tmp_path).code == USAGE
    assert asgml("export", "tiny", "--to", "csv", tmp_path / "steps.csv").code == USAGE


def test_export_without_pyarrow_says_what_to_install(
    asgml: Asgml, here: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    said = asgml("export", "tiny", "--to", "parquet", tmp_path / "out")
    assert said.code == USAGE and "asgml[parquet]" in said.err and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "command",
    [("show", "no"), ("tail", "no"), ("watch", "no"), ("resume", "no"), ("ctl", "no", "pause")],
)
def test_a_run_that_is_not_there_is_exit_3(
    asgml: Asgml, here: RunPaths, command: tuple[str, ...]
) -> None:
    said = asgml(*command)
    assert (
        said.code == NOT_FOUND
        and "tiny-01" in said.err
        and said.err.count("\n") == 1
        and not said.out
    )


def test_a_damaged_run_does_not_hide_the_others(asgml: Asgml, tmp_path: Path) -> None:
    import tiny

    tiny.write_tiny_run(tmp_path / "good-01")
    bad = tiny.write_tiny_run(tmp_path / "bad-01")
    worse = tiny.write_tiny_run(tmp_path / "worse-01")
    attributes = json.loads((worse.store / "zarr.json").read_text(encoding="utf-8"))
    attributes["attributes"]["knobs"] = 5
    (worse.store / "zarr.json").write_text(json.dumps(attributes), encoding="utf-8")
    (bad.store / "zarr.json").write_text(
        '{"zarr_format": 3, "node_type": "group", "attributes": {"format": "other"}}',
        encoding="utf-8",
    )
    states = {
        record["name"]: record["state"]
        for record in asgml("runs", "--runs", tmp_path, "--json").json
    }
    assert states == {"good-01": "finished", "bad-01": "unreadable", "worse-01": "unreadable"}
    assert asgml("runs", "--runs", tmp_path).code == 0
    assert asgml("show", "bad-01", "--runs", tmp_path).code == NOT_FOUND


def test_without_a_terminal_the_dashboard_says_so(asgml: Asgml, here: RunPaths) -> None:
    for command in ("watch", "replay"):
        said = asgml(command, "tiny")
        assert said.code == USAGE and "needs a terminal" in said.err
