"""A run of version 0.1.0 opens, is drawn, is whole, and is resumed to the rows of 0.1.0."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tui_kit import dashboard, shows, until
from warm_kit import warm_subprocess

from asgml import open_run
from asgml.storage.format.layout import RunPaths
from asgml.storage.read.clock import ReplayClock
from asgml.storage.read.reader import Run

Asgml = Callable[..., Any]

FIXTURE = Path(__file__).resolve().parents[1] / "data" / "run-0.1.0"
TABLES = ("steps", "probes", "epochs")
TIMES = ("wall_time", "active_time", "step_time")
GOLDEN_DIGEST = "e50686d54bc72e98"
"""Digest of the rows that 0.1.0 recorded when it resumed the run."""
GOLDEN_MACHINE = ("2.15.0", "AVX512", "AuthenticAMD")
"""Version of torch and kind of CPU that they were recorded with: others round otherwise."""


@pytest.fixture
def old(tmp_path: Path) -> RunPaths:
    """A copy of the run whose configuration finds its data."""
    paths = RunPaths(tmp_path / "runs" / "run-0.1.0")
    shutil.copytree(FIXTURE / "run", paths.root)
    config = paths.config.read_text(encoding="utf-8")
    data = str(FIXTURE / "data.npz")
    assert '"data.npz"' in config
    paths.config.write_text(config.replace('"data.npz"', f'"{data}"'), encoding="utf-8")
    return paths


def test_it_opens_with_everything_that_was_recorded(old: RunPaths) -> None:
    run = open_run(str(old.root))
    assert run.manifest is not None and run.problems == []
    assert (run.state(), run.rows("steps"), run.rows("probes")) == ("stopped", 10, 5)
    assert run.manifest.method == "ogm_ge+boost" and run.knobs_at()["boost.alpha"] == 0.75
    assert run.knobs_at(step=4)["boost.alpha"] == 0.5
    kinds = [event.kind for event in run.events]
    assert kinds[0] == "started" and kinds[-1] == "stopped" and kinds.count("command") == 3


def test_show_tail_and_check_read_it(asgml: Asgml, old: RunPaths) -> None:
    shown = asgml("show", old.root, "--no-charts")
    assert shown.code == 0 and "step 10/18, epoch 4/6" in shown.out
    lines = asgml("tail", old.root, "-n", 100).out.splitlines()
    change = "step 5  ● CMD   set boost.alpha 0.5 → 0.75  by me@a-host"
    assert [line.startswith(change) for line in lines].count(True) == 1
    assert sum("loss" in line for line in lines) == 10
    checked = asgml("check", old.root)
    assert (checked.code, checked.out) == (0, "run-0.1.0 is whole\n")


def test_a_replay_reaches_its_end(old: RunPaths) -> None:
    run = Run.open(old)
    clock = ReplayClock(run, speed=10.0)
    clock.play()
    rows = []
    for tick in range(200):
        clock.tick(tick / 100)
        rows.append(clock.moment(run).row)
    assert rows[0] == 0 and rows[-1] == 10 and rows == sorted(rows) and not clock.playing


async def test_the_dashboard_draws_a_moment_of_it(old: RunPaths) -> None:
    async with dashboard("run-0.1.0", old.root.parent, (160, 45), clock="replay", at_step=6) as (
        app,
        pilot,
    ):
        await until(pilot, lambda: app.main.scene.progress.step == 6, "step 6 is drawn")
        await shows(pilot, "set boost.alpha 0.5 → 0.75")
        knobs = {state.knob.name: state.value for state in app.main.scene.knobs}
        assert knobs["boost.alpha"] == 0.75
        assert app.main.scene.data.smoothed["loss"].size == 6


def test_it_is_resumed_to_the_rows_of_0_1_0(
    asgml: Asgml, old: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgml.app.launcher.subprocess", warm_subprocess())
    given = asgml("resume", old.root, "--wait")
    assert given.code == 0, given.err
    run = open_run(old.root)
    assert (run.state(), run.rows("steps")) == ("finished", 18)
    with np.load(FIXTURE / "resumed.npz") as expected:
        for table in TABLES:
            columns = [str(name) for name in expected[f"{table}_columns"]]
            kept = [index for index, name in enumerate(columns) if name not in TIMES]
            assert run.columns(table) == columns
            # another CPU or torch adds in another order: then the last digits differ
            np.testing.assert_allclose(
                run.table(table)[:, kept], expected[table][:, kept], rtol=1e-3, atol=1e-5
            )
    if this_machine() == GOLDEN_MACHINE:
        assert digest_of(run) == GOLDEN_DIGEST
    assert asgml("check", old.root).out == "run-0.1.0 is whole\n"


def this_machine() -> tuple[str, str, str]:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.is_file() else ""
    vendor = next((line.split()[-1] for line in text.splitlines() if "vendor_id" in line), "")
    version = torch.__version__.partition("+")[0]
    return version, str(torch.backends.cpu.get_cpu_capability()), vendor


def digest_of(run: Run) -> str:
    """Return the digest of every recorded number but the times, as benchmarks/identity.py does."""
    digest = hashlib.sha256()
    for table in TABLES:
        columns = run.columns(table)
        kept = [index for index, name in enumerate(columns) if name not in TIMES]
        digest.update(",".join(columns).encode())
        digest.update(np.ascontiguousarray(run.table(table)[:, kept]).tobytes())
    return digest.hexdigest()[:16]
