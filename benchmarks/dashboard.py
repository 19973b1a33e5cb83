"""Measure the dashboard through a pty: bytes to the terminal, CPU, memory, time to the first chart.

    uv run python benchmarks/dashboard.py [--seconds 30]

Budgets: idle 0 bytes and <1 % CPU; one step a second 40 kB/min at 160x45 and 15 kB/min at 80x24,
≤2 % CPU; ten steps a second 90 kB/min; 100 000 steps × 14 columns on screen within 1 s of the first
frame and in 120 MB, a million in 3 s.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.metrics import METRICS
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter

# The fake trainer and the terminal are those of the tests.
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "tui"))
from course import BORN, make_manifest
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


def main(seconds: float) -> None:
    print(f"{'case':<34} {'kB/min':>8} {'CPU %':>7} {'MB':>6}")
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        for name, rate, size in [
            ("idle, paused, 160x45", 0.0, (160, 45)),
            ("1 step/s, 160x45", 1.0, (160, 45)),
            ("1 step/s, 80x24", 1.0, (80, 24)),
            ("10 steps/s, 160x45", 10.0, (160, 45)),
        ]:
            live(name, runs, rate, size, seconds)
        for steps in (100_000, 1_000_000):
            start(runs, steps)


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
        process = psutil.Process(terminal.process.pid)
        sent, before, begin = terminal.bytes, sum(process.cpu_times()[:2]), time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - begin
        used = sum(process.cpu_times()[:2]) - before
        per_minute, cpu = (terminal.bytes - sent) / passed * 60, used / passed * 100
        report(name, per_minute, cpu, process.memory_info().rss)
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
    """Open a long run; print seconds from launch to the first frame and to charts, and memory."""
    name = write_long_run(runs, steps)
    terminal = Terminal(dashboard_command(name, runs), 160, 45)
    try:
        terminal.wait_for(
            lambda rows: any("OPENING" in row or "FINISHED" in row for row in rows), 60
        )
        frame = time.monotonic() - terminal.started
        terminal.wait_for(
            lambda rows: (
                any("visual" in row for row in rows)
                and any("⣀" in row or "⠤" in row for row in rows)
            ),
            120,
        )
        charts = time.monotonic() - terminal.started
        terminal.wait_quiet(1.0, 120)
        memory = psutil.Process(terminal.process.pid).memory_info().rss
        size = f"{memory / 2**20:.0f} MB"
        print(f"{steps} steps: first frame {frame:.2f} s, charts {charts:.2f} s, {size}")
    finally:
        terminal.close()


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
    print(f"{name:<34} {per_minute / 1024:>8.1f} {cpu:>7.1f} {memory / 2**20:>6.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each case (30)")
    main(parser.parse_args().seconds)
