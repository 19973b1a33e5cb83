"""The scheduler: no cell is trained twice, whatever happened before; with a fake trainer."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fake_launcher
import numpy as np
import pytest
from fake_launcher import FakeLauncher
from plan_kit import small_plan

from asgml.app.errors import DIVERGED, FAILED, RejectedError
from asgml.app.plans.cell_status import TRAINING, PlanProgress
from asgml.app.plans.cells import ResolvedPlan
from asgml.app.plans.live_table import headline
from asgml.app.plans.scheduler import LOCK, PlanOutcome, inspect_plan, run_plan
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.status import State
from asgml.storage.runs.index import read_records
from asgml.storage.runs.plan_cells import CellRuns
from asgml.storage.runs.plan_record import read_plan_record

ROWS = {
    "base": {},
    "audio": {"modalities": ["audio"]},
    "visual": {"modalities": ["visual"]},
    "ours": {"method": "ogm_ge", "references": {"audio": "audio", "visual": "visual"}},
    "both": {"ensemble": ["audio", "visual"]},
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("asgml.app.plans.scheduler.POLL_SECONDS", 0.001)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "small"


def train(plan: ResolvedPlan, folder: Path, launcher: FakeLauncher, **given: object) -> PlanOutcome:
    return run_plan(plan, folder, jobs=launcher.share.jobs, launcher=launcher, **given)  # type: ignore[arg-type]


def states(outcome: PlanOutcome) -> dict[str, str]:
    return {name: one.state for name, one in outcome.progress.statuses.items()}


def test_references_come_first_and_what_needs_them_after(folder: Path) -> None:
    launcher = FakeLauncher(jobs=1)
    outcome = train(small_plan(ROWS, (0, 1)), folder, launcher)
    names = [name for name, _ in launcher.started]
    assert outcome.whole and names[:4] == ["audio-s0", "visual-s0", "audio-s1", "visual-s1"]
    assert sorted(names[4:]) == ["base-s0", "base-s1", "ours-s0", "ours-s1"]
    assert launcher.evaluated == ["both-s0", "both-s1"]
    config = tomllib.loads((folder / "ours-s1" / "run.toml").read_text())
    assert config["references"]["audio"] == str(folder / "audio-s1")
    both = outcome.progress.statuses["both-s0"]
    assert (both.value, both.state) == (0.75, "finished")


def test_a_finished_plan_starts_nothing(folder: Path) -> None:
    plan = small_plan(ROWS)
    train(plan, folder, FakeLauncher())
    again = FakeLauncher()
    outcome = train(plan, folder, again)
    assert outcome.whole and again.started == again.evaluated == []
    assert all(status.adopted for status in outcome.progress.statuses.values())
    assert outcome.progress.statuses["base-s0"].value == 0.5


def test_never_more_than_so_many_at_once_and_all_of_them_while_there_is_work(folder: Path) -> None:
    launcher = FakeLauncher(jobs=3, held=True)
    seen = []

    def look(progress: PlanProgress) -> None:
        seen.append(progress.count(*TRAINING))
        if launcher.living:
            launcher.finish(next(iter(launcher.living)))

    plan = small_plan({"a": {}, "b": {"batch_size": 64}}, (0, 1, 2, 3))
    outcome = train(plan, folder, launcher, on_change=look)
    assert outcome.whole and max(seen) == 3
    assert len(launcher.started) == len(set(launcher.started)) == 8


def test_rows_of_the_same_settings_share_their_run(folder: Path) -> None:
    plan = small_plan({"a": {}, "b": {}})
    shared = replace(plan.cells[1], run=plan.cells[0].run)
    launcher = FakeLauncher()
    outcome = train(replace(plan, cells=(plan.cells[0], shared)), folder, launcher)
    assert launcher.started == [("a-s0", False)] and outcome.whole
    assert outcome.progress.values(0) == outcome.progress.values(1) == [0.5]


def test_other_settings_leave_the_old_run_and_take_a_free_name(folder: Path) -> None:
    train(small_plan(ROWS), folder, FakeLauncher())
    before = (folder / "audio-s0" / "run.toml").read_bytes()
    launcher = FakeLauncher()
    changed = ROWS | {"audio": {"modalities": ["audio"], "epochs": 3}}
    outcome = train(small_plan(changed), folder, launcher)
    # what leans on the new run is trained anew too: its reference is another one
    assert [name for name, _ in launcher.started] == ["audio-s0-02", "ours-s0-02"]
    assert launcher.evaluated == ["both-s0"]
    assert (folder / "audio-s0" / "run.toml").read_bytes() == before
    assert outcome.progress.statuses["audio-s0"].stale == ("audio-s0",)
    record = read_plan_record(folder)
    assert {cell.run for cell in record.cells} >= {"audio-s0-02", "ours-s0-02", "base-s0"}
    third = FakeLauncher()
    assert train(small_plan(changed), folder, third).whole
    assert third.started == third.evaluated == []
    back = FakeLauncher()  # and the first settings find the first runs
    assert train(small_plan(ROWS), folder, back).whole and back.started == []


def test_a_finished_run_is_adopted_whatever_its_name(folder: Path) -> None:
    train(small_plan({"base": {}}), folder, FakeLauncher())
    (folder / "base-s0").rename(folder / "my-run")
    launcher = FakeLauncher()
    outcome = train(small_plan({"base": {"threads": 7}}), folder, launcher)
    assert outcome.whole and launcher.started == []
    assert read_plan_record(folder).cells[0].run == "my-run"


@pytest.mark.parametrize("end", [State.FAILED, State.STOPPED])
def test_an_unfinished_run_of_before_is_resumed_once(folder: Path, end: State) -> None:
    first = FakeLauncher()
    first.ends["base-s0"] = [end]
    plan = small_plan({"base": {}})
    with pytest.raises(KeyboardInterrupt):
        train(plan, folder, first, on_change=_leave_when_started(first))
    assert first.started == [("base-s0", False)]
    second = FakeLauncher()
    outcome = train(plan, folder, second)
    assert second.started == [("base-s0", True)] and outcome.whole


def test_a_run_that_fails_twice_is_kept_and_blocks_what_needs_it(folder: Path) -> None:
    launcher = FakeLauncher()
    launcher.ends["audio-s0"] = [State.FAILED] * 3
    outcome = train(small_plan(ROWS), folder, launcher)
    assert launcher.started.count(("audio-s0", True)) == 1 and not outcome.whole
    assert outcome.exit_code == FAILED
    expected = {"audio-s0": "failed", "ours-s0": "blocked", "both-s0": "blocked"}
    assert states(outcome) == expected | {"base-s0": "finished", "visual-s0": "finished"}
    assert "audio-s0" in outcome.progress.statuses["ours-s0"].problem
    again = FakeLauncher()
    again.ends["audio-s0"] = [State.FAILED]
    assert states(train(small_plan(ROWS), folder, again)) == states(outcome)
    assert again.started == []
    asked = FakeLauncher()
    assert train(small_plan(ROWS), folder, asked, retry_failed=True).whole
    assert asked.started == [("audio-s0", True), ("ours-s0", False)]


@pytest.mark.parametrize("section", ["on_nan", "early_stopping", "mixup"])
def test_a_run_that_lacks_later_settings_is_no_stale_cell_on_screen(
    folder: Path, section: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, made = small_plan({"base": {}}), fake_launcher.manifest_of

    def earlier(name: str, config: dict[str, Any], sha256: str = "") -> Manifest:
        return made(name, {k: v for k, v in config.items() if k != section}, sha256)

    monkeypatch.setattr(fake_launcher, "manifest_of", earlier)
    train(plan, folder, FakeLauncher())
    again = FakeLauncher()
    assert train(plan, folder, again).whole and again.started == []
    record = read_plan_record(folder)
    assert record is not None
    runs = CellRuns(read_records(folder))
    found = [runs.find(cell) for cell in record.cells]
    assert [(run is not None, stale) for run, stale in found] == [(True, False)]


def test_a_run_that_diverged_is_told_and_never_trained_again_by_itself(folder: Path) -> None:
    plan = small_plan({"base": {}, "high": {"batch_size": 64}})
    launcher = FakeLauncher()
    launcher.ends["high-s0"] = [State.DIVERGED] * 2
    outcome = train(plan, folder, launcher)
    assert states(outcome) == {"base-s0": "finished", "high-s0": "diverged"} and not outcome.whole
    assert outcome.exit_code == DIVERGED
    assert launcher.started.count(("high-s0", False)) == 1
    assert ("high-s0", True) not in launcher.started
    assert "1 diverged" in headline(outcome.progress)
    again = FakeLauncher()
    assert states(train(plan, folder, again)) == states(outcome) and again.started == []
    asked = FakeLauncher()
    assert train(plan, folder, asked, retry_failed=True).whole
    assert asked.started == [("high-s0", True)]


def test_what_never_began_is_not_tried_twice_by_one_scheduler(folder: Path) -> None:
    launcher = FakeLauncher()
    launcher.ends["base-s0"] = [None, None]
    outcome = train(small_plan({"base": {}}), folder, launcher)
    assert launcher.started == [("base-s0", False)]
    assert outcome.progress.statuses["base-s0"].problem == "no such data"
    mended = FakeLauncher()
    assert train(small_plan({"base": {}}), folder, mended).whole
    assert mended.started == [("base-s0", True)]


def test_a_run_that_the_user_stops_is_left_alone(folder: Path) -> None:
    launcher = FakeLauncher()
    launcher.ends["base-s0"] = [State.STOPPED]
    outcome = train(small_plan({"base": {}}), folder, launcher)
    assert states(outcome) == {"base-s0": "stopped"} and len(launcher.started) == 1


def test_a_run_that_the_user_has_steered_is_marked(folder: Path) -> None:
    launcher = FakeLauncher()
    launcher.turned["a-s0"] = 0.25
    plan = small_plan({"a": {"method": "boost"}, "b": {"method": "boost", "epochs": 3}})
    for _ in range(2):  # as it ends, and found again
        statuses = train(plan, folder, launcher).progress.statuses
        assert {name: one.steered for name, one in statuses.items()} == {
            "a-s0": ("boost.alpha",),
            "b-s0": (),
        }


def test_a_living_run_is_waited_for(folder: Path) -> None:
    other = FakeLauncher(held=True)
    plan = small_plan({"base": {}})
    with pytest.raises(KeyboardInterrupt):
        train(plan, folder, other, on_change=_leave_when_started(other))
    launcher = FakeLauncher(jobs=1)
    seen: list[str] = []

    def look(progress: PlanProgress) -> None:
        seen.append(progress.statuses["base-s0"].state)
        if len(seen) == 5:
            other.finish("base-s0")

    outcome = train(plan, folder, launcher, on_change=look)
    assert outcome.whole and launcher.started == [] and "running" in seen


def _leave_when_started(launcher: FakeLauncher) -> Callable[[PlanProgress], None]:
    def leave(_: PlanProgress) -> None:
        if launcher.started:
            raise KeyboardInterrupt

    return leave


def write_data(path: Path, seed: int) -> str:
    path.parent.mkdir(exist_ok=True)
    np.savez(path, label=np.arange(4) + seed)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_other_data_makes_a_run_stale_and_moved_data_does_not(folder: Path, tmp_path: Path) -> None:
    file, moved = tmp_path / "one" / "mine.npz", tmp_path / "two" / "mine.npz"
    first = FakeLauncher(sha256=write_data(file, 0))
    train(small_plan({"base": {"data": {"name": str(file)}}}), folder, first)
    write_data(moved, 0)
    same = FakeLauncher()
    assert train(small_plan({"base": {"data": {"name": str(moved)}}}), folder, same).whole
    assert same.started == []
    other = FakeLauncher(sha256=write_data(moved, 1))
    outcome = train(small_plan({"base": {"data": {"name": str(moved)}}}), folder, other)
    assert other.started == [("base-s0-02", False)] and outcome.whole
    assert outcome.progress.statuses["base-s0"].stale == ("base-s0",)


def test_one_scheduler_at_a_time(folder: Path) -> None:
    plan = small_plan({"base": {}})

    def second(_: PlanProgress) -> None:
        with pytest.raises(RejectedError, match=f"process {os.getpid()}"):
            train(plan, folder, FakeLauncher())

    assert train(plan, folder, FakeLauncher(), on_change=second).whole
    assert not (folder / LOCK).exists()


def test_all_trainers_of_a_plan_have_the_same_number_of_threads(folder: Path) -> None:
    def threads(name: str) -> int:
        return int(tomllib.loads((folder / name / "run.toml").read_text())["threads"])

    train(small_plan({"a": {}}, threads=0), folder, FakeLauncher())
    assert threads("a-s0") == FakeLauncher().share.threads == 3
    later = FakeLauncher()
    later.share = replace(later.share, threads=1)
    train(small_plan({"a": {}, "b": {"batch_size": 64}}, threads=0), folder, later)
    assert threads("b-s0") == 3
    train(small_plan({"c": {"batch_size": 32, "threads": 2}}), folder, FakeLauncher())
    assert threads("c-s0") == 2


def test_only_what_is_wanted_is_trained(folder: Path) -> None:
    launcher = FakeLauncher()
    outcome = train(small_plan(ROWS), folder, launcher, wanted={"base-s0"})
    assert launcher.started == [("base-s0", False)] and outcome.whole
    assert {cell.run for cell in read_plan_record(folder).cells} >= {"ours-s0", "both-s0"}


def test_looking_starts_and_writes_nothing(folder: Path) -> None:
    train(small_plan({"base": {}}), folder, FakeLauncher())
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    found = inspect_plan(small_plan(ROWS), folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert found.statuses["base-s0"].state == "finished" and found.count("waiting") == 4
    assert inspect_plan(small_plan(ROWS), folder.parent / "nothing").count("waiting") == 5
    assert not (folder.parent / "nothing").exists()
