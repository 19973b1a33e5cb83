"""The golden run of each format version opens for ever, with its numbers, events and knobs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from store_kit import problems_of

from asgml.storage.read.clock import ReplayClock
from asgml.storage.read.reader import Run

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.fixture(scope="module")
def run() -> Run:
    return Run.open(DATA / "golden-v1")


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """The script that made it."""
    spec = importlib.util.spec_from_file_location("make_golden", DATA / "make_golden.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_sound(run: Run) -> None:
    # the golden run was committed without the checkpoint that its events name
    missing = "checkpoints/last.pt: the newest checkpoint is missing"
    assert problems_of(DATA / "golden-v1") == [missing]
    assert run.state() == "finished"
    assert {table: run.rows(table) for table in ("steps", "probes", "epochs", "system")} == {
        "steps": 40,
        "probes": 4,
        "epochs": 2,
        "system": 6,
    }


@pytest.mark.parametrize("table", ["steps", "probes", "epochs", "system"])
def test_every_number_is_the_one_that_was_recorded(run: Run, made: ModuleType, table: str) -> None:
    steps = [step for step in range(41) if table in made.tables_at(step)]
    assert run.column(table, "step").tolist() == steps
    for column in run.columns(table)[4:]:
        expected = [made.value_of(column, step) for step in steps]
        np.testing.assert_allclose(run.column(table, column), expected, rtol=1e-13, err_msg=column)


def test_some_numbers_written_out(run: Run) -> None:
    """Independent of the script."""
    assert np.flatnonzero(np.isnan(run.column("steps", "loss"))).tolist() == [12]
    assert run.column("steps", "task_loss")[19] == pytest.approx(2 / np.e)
    assert run.column("probes", "probe_accuracy/visual")[2] == pytest.approx(
        0.75 * (1 - np.exp(-2))
    )
    assert run.times("steps")[0] == 1_700_000_002.25
    assert run.head is not None and (run.head.step, run.head.epoch, run.head.segment) == (40, 1, 0)


def test_its_manifest(run: Run) -> None:
    assert run.manifest is not None
    assert list(run.manifest.modalities) == ["audio", "visual", "text"] and list(
        run.manifest.classes
    ) == ["dog", "cat", "bird"]
    assert [knob.name for knob in run.manifest.knobs] == [
        "boost.alpha",
        "probe.eval_freq",
        "ogm_ge.mode",
        "evaluate_test",
    ]
    assert run.manifest.knobs[2].choices == ("ogm", "ogm_ge") and run.manifest.knobs[0].high == 1.5
    assert run.manifest.config["data"]["name"] == "golden" and run.manifest.total_steps == 40
    assert run.find_column("gain/text") == ("steps", run.columns("steps").index("gain/text"))


def test_its_events_and_lines(run: Run) -> None:
    kinds = [(event.step, event.kind) for event in run.events]
    assert kinds == [
        (0, "started"),
        (12, "command"),
        (13, "alert"),
        (15, "command"),
        (18, "command"),
        (20, "evaluation"),
        (20, "checkpoint"),
        (30, "phase"),
        (40, "checkpoint"),
        (40, "finished"),
    ]
    assert (
        run.events[4].get("note") == "look: \x1b[31mred\x1b[0m [bold]not bold[/bold] \u202ereversed"
    )
    answer = run.answer_to("c2")
    assert answer is not None and answer.get("answer") == "rejected"
    assert run.log_lines == [f"step {step} of 40" for step in range(41)]


def test_its_knobs(run: Run) -> None:
    assert run.knobs_at() == {
        "boost.alpha": 0.75,
        "probe.eval_freq": 10,
        "ogm_ge.mode": "ogm_ge",
        "evaluate_test": False,
    }
    assert run.knobs_at(step=11)["boost.alpha"] == 0.5
    assert run.knobs_at(step=12)["boost.alpha"] == 0.75


def test_it_can_be_replayed(run: Run) -> None:
    clock = ReplayClock(run)
    clock.seek(20)
    moment = clock.moment(run)
    assert (
        moment.row,
        run.rows_until("probes", moment.wall_time),
        run.rows_until("epochs", moment.wall_time),
    ) == (20, 2, 1)
    assert run.events_until(moment.wall_time) == 7


def test_the_script_still_makes_the_same_run(made: ModuleType, run: Run, tmp_path: Path) -> None:
    made.write_golden(tmp_path / "golden-v1")
    again = Run.open(tmp_path / "golden-v1")
    assert again.events == run.events and again.log_lines == run.log_lines
    for table in ("steps", "probes", "epochs", "system"):
        shared = [column for column in run.columns(table) if column in again.columns(table)]
        assert all(
            np.allclose(
                run.column(table, column), again.column(table, column), rtol=1e-13, equal_nan=True
            )
            for column in shared
        )
