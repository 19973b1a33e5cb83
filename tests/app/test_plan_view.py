"""What a plan shows while it trains, and how a machine is shared among its trainers."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_kit import small_plan, small_settings
from rich.console import Console

from asgml.app.new_run import make_run
from asgml.app.plans import launchers
from asgml.app.plans.cell_status import OPEN, CellStatus, PlanProgress
from asgml.app.plans.cells import ResolvedPlan
from asgml.app.plans.launchers import LocalLauncher
from asgml.app.plans.live_table import BARS, headline, plan_picture, rows_shown, sparkline
from asgml.app.plans.resources import Share, share_of, visible_gpus
from asgml.app.plans.selection import runs_of_rows, slow_modules
from asgml.storage.runs.plan_record import PlanRow

HOSTILE = "[b]bold[/b] \x1b[2J \u202eturned"
STATES = sorted([*OPEN, "finished", "failed", "blocked", "stopped", "left out"])


def progress_of(rows: int, seeds: int, **states: str) -> PlanProgress:
    labels = {f"row{row}": {"batch_size": 32 + row} for row in range(rows)}
    plan = small_plan(labels, range(seeds))
    statuses = {
        cell.run: CellStatus(cell, state=states.get(cell.run.replace("-", "_"), "waiting"))
        for cell in plan.cells
    }
    return PlanProgress(plan, statuses, jobs=2)


def large_plan(rows: int, seeds: int) -> ResolvedPlan:
    """A plan of hostile labels whose cells share their settings."""
    one = small_plan({"one": {}})
    labels = [f"{HOSTILE} {row}" for row in range(rows)]
    cells = tuple(
        replace(one.cells[0], row=row, label=labels[row], seed=seed, run=f"{row}-s{seed}")
        for row in range(rows)
        for seed in range(seeds)
    )
    every = tuple(PlanRow(label, {}) for label in labels)
    return replace(one, rows=every, cells=cells, seeds=tuple(range(seeds)), title=HOSTILE)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 60),
    st.integers(1, 12),
    st.lists(st.sampled_from(STATES), min_size=20, max_size=20),
    st.sampled_from([(160, 45), (120, 40), (100, 30), (80, 24)]),
)
def test_the_picture_fits_and_says_nothing_raw(
    rows: int, seeds: int, states: list[str], size: tuple[int, int]
) -> None:
    (width, height), plan = size, large_plan(rows, seeds)
    statuses = {
        cell.run: CellStatus(
            cell,
            state=states[n % len(states)],
            total=n % 3 * 50,
            step=n,
            curve=[0.1 * n, 0.5],
            problem=HOSTILE * 9,
            stale=("old",) if n == 7 else (),
        )
        for n, cell in enumerate(plan.cells)
    }
    console = Console(width=width, height=height, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        console.print(plan_picture(PlanProgress(plan, statuses, 2), width, height))
    lines = captured.get().splitlines()
    assert len(lines) < height and all(len(line) <= width for line in lines)
    assert "\x1b" not in captured.get() and "\u202e" not in captured.get()
    assert "[b]bold[/b]" in captured.get()


def test_rows_that_train_are_shown_first_then_what_failed() -> None:
    progress = progress_of(9, 1, row7_s0="running", row4_s0="failed", row0_s0="finished")
    assert rows_shown(progress, 2) == [4, 7]
    assert rows_shown(progress, 4) == [1, 2, 4, 7]
    assert rows_shown(progress, 99) == list(range(9))


@given(st.lists(st.floats(-1e6, 1e6), max_size=30), st.integers(1, 12))
def test_a_sparkline_is_as_high_as_its_values(values: list[float], width: int) -> None:
    line = sparkline(values, width)
    last = values[-width:]
    assert len(line) == len(last)
    for one, other in zip(range(len(last)), range(1, len(last)), strict=False):
        if last[one] <= last[other]:
            assert BARS.index(line[one]) <= BARS.index(line[other])
    if last and max(last) > min(last):
        assert line[last.index(max(last))] == BARS[-1] and line[last.index(min(last))] == BARS[0]


def test_the_time_left_follows_from_what_has_finished() -> None:
    progress = progress_of(2, 3)
    assert math.isnan(progress.seconds_left())
    done, half = progress.statuses["row0-s0"], progress.statuses["row1-s0"]
    done.state, done.seconds, done.took = "finished", 8.0, 10.0
    # 5 left of 10 s each, by the only one that has finished, two at a time
    assert progress.seconds_left() == 25.0
    half.state, half.step, half.total, half.seconds = "running", 50, 100, 10.0
    # row 0: 2 x 10 s; row 1: 2 x 20 s and the second half of one
    assert progress.seconds_left() == (20.0 + 40.0 + 10.0) / 2
    assert "1 finished, 1 training, 4 waiting" in headline(progress)
    for status in progress.statuses.values():
        status.state = "finished"
    assert progress.seconds_left() == 0.0 and "left" not in headline(progress)


def test_means_are_over_finished_cells_with_a_value() -> None:
    progress = progress_of(2, 3, row0_s0="finished", row0_s1="finished", row0_s2="failed")
    progress.statuses["row0-s0"].value = 0.25
    progress.statuses["row0-s2"].value = 0.75
    assert progress.values(0) == [0.25] and progress.values(1) == []


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"CUDA_VISIBLE_DEVICES": ""}, ()),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, ()),
        ({"CUDA_VISIBLE_DEVICES": "2, 3"}, ("2", "3")),
        ({"CUDA_VISIBLE_DEVICES": "GPU-5a,GPU-6b"}, ("GPU-5a", "GPU-6b")),
        ({}, ("0", "1")),
    ],
)
def test_gpus_are_found_without_torch(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], found: tuple[str, ...]
) -> None:
    said = "GPU 0: NVIDIA H100 (UUID: GPU-1)\nGPU 1: NVIDIA H100 (UUID: GPU-2)\n"
    monkeypatch.setattr("asgml.app.plans.resources._nvidia_smi", lambda: said)
    assert visible_gpus(environment) == found


def test_threads_are_divided_among_the_trainers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asgml.app.plans.resources.cores", lambda: 12)
    assert share_of(None, ()) == Share(12, 1, measured=True)
    assert share_of(5, ()) == Share(5, 2)
    assert share_of(24, ()) == Share(24, 1)
    assert share_of(None, ("0", "1", "2")) == Share(3, 4, ("0", "1", "2"), measured=True)
    assert share_of(6, ("0", "1", "2")) == Share(6, 2, ("0", "1", "2"))


class Living:
    """A process that lives."""

    pid = os.getpid()

    def poll(self) -> int | None:
        return None


def test_gpus_are_dealt_to_the_least_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str | None] = []

    def spawn(paths: object, arguments: object, environment: dict[str, str]) -> Living:
        given.append(environment.get("CUDA_VISIBLE_DEVICES"))
        return Living()

    monkeypatch.setattr(launchers, "spawn_python", spawn)
    launcher = LocalLauncher(Share(4, 1, ("2", "5")), warm=False)
    devices = ["auto", "cuda", "cpu", "cuda:0", "auto", "auto"]
    for number, device in enumerate(devices):
        config = small_settings(device=device).model_dump()
        paths = make_run(config, tmp_path, f"run-{number}")
        launcher.start(paths, resume=False)
        assert launcher.state(paths.root) == ("ended" if number == 5 else "running")
        if number == 4:
            monkeypatch.setattr(launchers, "_lives", lambda process: False)
            assert launcher.state(paths.root) == "ended"
    # a run that names its device takes no other one; at the end nothing is busy any more
    assert given == ["2", "5", None, None, "2", "2"]


def test_a_measured_share_leaves_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(launchers, "spawn_python", lambda *given: Living())
    monkeypatch.setattr(launchers, "_memory_of", lambda pid: 1000)
    free = [2500]
    memory = SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=free[0]))
    monkeypatch.setattr(launchers, "psutil", memory)
    for measured in (True, False):
        launcher = LocalLauncher(Share(4, 1, measured=measured), warm=False)
        free[0] = 10
        assert launcher.has_room()  # the first one is always tried
        paths = make_run(small_settings().model_dump(), tmp_path, f"run-{measured}")
        launcher.start(paths, resume=False)
        assert launcher.has_room() is not measured
        free[0] = 2500
        assert launcher.has_room()


def test_a_row_brings_what_it_needs() -> None:
    plan = small_plan(
        {
            "audio": {"modalities": ["audio"]},
            "visual": {"modalities": ["visual"]},
            "ours": {"method": "ogm_ge", "references": {"audio": "audio"}},
            "both": {"ensemble": ["audio", "visual"]},
        }
    )
    assert runs_of_rows(plan, ["ours"]) == {"ours-s0", "audio-s0"}
    assert runs_of_rows(plan, ["both"]) == {"both-s0", "audio-s0", "visual-s0"}
    assert len(runs_of_rows(plan, [])) == 4


def test_slow_modules_are_those_of_the_plan() -> None:
    assert slow_modules(small_plan({"a": {}})) == []
    plan = small_plan({"a": {"encoder": "resnet18"}, "b": {"method": "relearning"}})
    assert slow_modules(plan) == ["torchvision.models", "sklearn.cluster"]
