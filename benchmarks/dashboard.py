"""Measure the dashboard through a pty: bytes to the terminal, CPU, memory, time to the first chart.

    uv run python benchmarks/dashboard.py [--seconds 30] [--peers VENV] [--steps 100000 1000000]

With --peers also `wandb leet` and `terminalboard` from a venv, on the same numbers.

Budgets: idle 0 bytes and <1 % CPU; one step a second 40 kB/min at 160x45 and 15 kB/min at 80x24,
≤2 % CPU; ten steps a second 90 kB/min and ≤5 % CPU; first frame ≤1.3 × `import textual.app`; all
charts of 100 000 steps × 14 columns within 0.4 s after it and in 120 MB, of a million within 1.2 s
and in 200 MB. On a busy machine compare CPU seconds: they are what the load changes least.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.metrics import METRICS
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter

# The fake trainer and the terminal are those of the tests.
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "tui"))
from course import BORN, make_manifest
from dashboard_peers import Events, Peers, opened, pace
from fake_trainer import FakeTrainer
from terminal import Terminal, dashboard_command

LONG = set(
    [
        "loss",
        "accuracy",
        "grad_norm",
        "gain",
        "boost_scale",
        "discrepancy",
        "own_loss",
        "own_accuracy",
    ]
)
"""Metrics of the long runs: 2 columns, and 6 for each of two modalities."""


SIZE = (160, 45)
CASES = (
    ("idle, paused, 160x45", 0.0, SIZE),
    ("1 step/s, 160x45", 1.0, SIZE),
    ("1 step/s, 80x24", 1.0, (80, 24)),
    ("10 steps/s, 160x45", 10.0, SIZE),
)


def main(seconds: float, peers: Path | None, steps: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"import textual.app: {import_seconds('textual.app'):.2f} s of CPU")
        print(f"{'opening':<34} {'first s':>8} {'drawn s':>8} {'CPU s':>8} {'MB':>6}")
        for count in steps:
            start(folder / f"asgml-{count}", count)
        if peers is not None:
            open_peers(Peers(peers, folder), folder, min(steps))
        print(f"{'case':<34} {'kB/min':>8} {'CPU %':>7} {'MB':>6}")
        for case, rate, size in CASES:
            live(case, folder / "live", rate, size, seconds)
        if peers is not None:
            live_peers(Peers(peers, folder), folder, seconds)


def import_seconds(module: str) -> float:
    """Return the least CPU seconds of three processes that import a module."""
    found = []
    for _ in range(3):
        before = os.times()
        subprocess.run([sys.executable, "-P", "-c", f"import {module}"], check=True)
        after = os.times()
        found.append(after[2] + after[3] - before[2] - before[3])
    return min(found)


def open_peers(peers: Peers, folder: Path, steps: int) -> None:
    """Open the same number of steps of 14 series in the peers."""
    peers.write_wandb("leet", steps).wait()
    Events(folder / "board").log(steps)
    for name, show in (("wandb leet", peers.leet), ("terminalboard", peers.terminalboard)):
        terminal = show("leet" if name == "wandb leet" else "board", SIZE)
        try:
            print(opened(terminal).line(f"{name}, {steps} steps"), flush=True)
        finally:
            terminal.close()


def live_peers(peers: Peers, folder: Path, seconds: float) -> None:
    """Watch 3000 steps and one more each second in the peers."""
    trainer = peers.write_wandb("leet-live", 3000, 1.0)
    events = Events(folder / "board-live")
    events.log(3000)
    over = threading.Event()

    def log() -> None:
        while not over.wait(1.0):
            events.log(1)

    thread = threading.Thread(target=log)
    thread.start()
    time.sleep(10)  # until the 3000 steps are there
    try:
        for name, show in (("leet-live", peers.leet), ("board-live", peers.terminalboard)):
            terminal = show(name, SIZE)
            try:
                opened(terminal, 20.0)
                per_minute, cpu, memory = pace(terminal, seconds)
                report(f"{name}, 1 step/s, 160x45", per_minute, cpu, memory)
            finally:
                terminal.close()
    finally:
        over.set()
        thread.join()
        trainer.kill()


def live(name: str, runs: Path, rate: float, size: tuple[int, int], seconds: float) -> None:
    """Watch a trainer that makes `rate` steps a second, after 3000 steps."""
    folder = name.replace(" ", "-").replace("/", "-").replace(",", "")
    trainer = FakeTrainer(RunPaths(runs / folder), total=50_000)
    for _ in range(3000):
        trainer.train_step(1 / max(rate, 1))
    if not rate:
        trainer.writer.mark(State.PAUSED)
    trainer.writer.flush()
    over = threading.Event()
    thread = threading.Thread(target=_train, args=(trainer, rate, over))
    thread.start()
    terminal = Terminal(dashboard_command(trainer.paths.name, runs), *size)
    try:
        terminal.wait_for(
            lambda rows: (
                any("probe accuracy" in row for row in rows)
                and any("step 3" in row for row in rows)
            ),
            60,
        )
        time.sleep(3)
        report(name, *pace(terminal, seconds))
    finally:
        terminal.close()
        over.set()
        thread.join()
        trainer.close()


def _train(trainer: FakeTrainer, rate: float, over: threading.Event) -> None:
    while not over.wait(1 / rate if rate else 0.5):
        if rate:
            trainer.train_step(1 / rate)


def start(runs: Path, steps: int) -> None:
    """Open a long run by `asgml watch`; print seconds to the first chart and to all of them."""
    name = write_long_run(runs, steps)
    command = [str(Path(sys.executable).with_name("asgml")), "watch", name, "--runs", str(runs)]
    for _ in range(2):  # of the first one, files and bytecode are cold
        terminal = Terminal(command, *SIZE)
        try:
            found = opened(terminal)
        finally:
            terminal.close()
    print(found.line(f"asgml, {steps} steps"), flush=True)


def write_long_run(runs: Path, steps: int) -> str:
    """Write a run of many steps with 14 columns of two modalities, all filled."""
    paths = RunPaths(runs / f"long-{steps}")
    paths.commands.mkdir(parents=True)
    paths.config.write_text("[run]\n")
    recorded = tuple(metric for metric in METRICS if metric.table != "steps" or metric.name in LONG)
    manifest = replace(make_manifest(paths.name, total=steps), metrics=recorded)
    random = np.random.default_rng(1)
    with RunWriter.create(paths, manifest, to_array=np.vstack) as writer:
        for begin in range(0, steps, 10_000):
            step = np.arange(begin + 1, min(begin + 10_000, steps) + 1, dtype=np.float64)
            table = np.abs(random.normal(1, 0.2, (len(step), len(manifest.columns("steps")))))
            active = step * 0.1
            table[:, :4] = np.stack([step, BORN + active, active, np.zeros_like(step)], axis=1)
            for row in table:
                writer.append("steps", row)
            writer.flush()
        writer.mark(step=steps)
    return paths.name


def report(name: str, per_minute: float, cpu: float, memory: float) -> None:
    print(f"{name:<34} {per_minute:>8.1f} {cpu:>7.1f} {memory:>6.0f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each case (30)")
    parser.add_argument("--peers", type=Path, help="a venv with wandb and terminalboard")
    parser.add_argument("--steps", type=int, nargs="+", default=[100_000, 1_000_000])
    given = parser.parse_args()
    main(given.seconds, given.peers, given.steps)
