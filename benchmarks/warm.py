r"""Measure what a short run costs, cold (a Python of its own) and warm (a fork).

    uv run python benchmarks/warm.py                        # 104 steps on the built-in data
    uv run python benchmarks/warm.py --epochs 8 --rounds 5 --encoder conv

A fork is one of the preloaded process. Cold and warm take turns, one run after the other, so that a
change of the machine's speed meets both alike. Wall time is from the request to the end of the
process; CPU time is the trainer's, as last seen a few ms before its end. The preloaded process,
started once a plan, is a line of its own. One thread.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from asgml.app.launcher import Process, Spawn, start
from asgml.app.new_run import make_run
from asgml.app.plans.preloaded_parent import PreloadedParent
from asgml.core.config.run_config import make_config
from asgml.storage.format.layout import RunPaths, next_name
from asgml.storage.read.reader import open_run

LOOK_SECONDS = 0.005
Cost = tuple[float, float]
"""Seconds of wall and of CPU time."""


def main() -> None:
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="asgml-bench-") as folder:
        began = time.perf_counter()
        parent = PreloadedParent()
        _, warm = train(given, Path(folder), forked_from(parent))  # waits until all is imported
        once = time.perf_counter() - began, psutil.Process(parent.pid).cpu_times()
        cold_costs, warm_costs = [], []
        for _ in range(given.rounds):
            paths, cold = train(given, Path(folder), None)
            _, warm = train(given, Path(folder), forked_from(parent))
            cold_costs.append(cold)
            warm_costs.append(warm)
        steps = open_run(paths.root).rows("steps")
        parent.close()
    cold, warm = middle(cold_costs), middle(warm_costs)
    print(f"| {steps} steps, {given.encoder} encoders | wall, s | CPU, s |")
    print("| --- | --- | --- |")
    print(f"| cold | {cold[0]:.2f} | {cold[1]:.2f} |")
    print(f"| warm | {warm[0]:.2f} | {warm[1]:.2f} |")
    cpu = once[1].user + once[1].system
    print(f"| the preloaded process, once | {once[0] - warm[0]:.2f} | {cpu:.2f} |")
    print(f"| cold ÷ warm | {cold[0] / warm[0]:.1f} | {cold[1] / warm[1]:.1f} |")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a short run costs, cold and warm.")
    parser.add_argument("--epochs", type=int, default=8, help="of 13 steps each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encoder", default="mlp")
    return parser.parse_args()


def train(given: argparse.Namespace, folder: Path, spawn: Spawn | None) -> tuple[RunPaths, Cost]:
    """Train one run to its end; return it and what it cost."""
    tree = {"epochs": given.epochs, "encoder": given.encoder, "threads": 1, "device": "cpu"}
    settings = make_config({"data": {"name": "synthetic"}, **tree}).model_dump()
    began = time.perf_counter()
    paths = make_run(settings, folder, next_name("run", folder))
    cpu = cpu_until_the_end(start(paths, spawn=spawn).process)
    return paths, (time.perf_counter() - began, cpu)


def forked_from(parent: PreloadedParent) -> Spawn:
    def spawn(paths: RunPaths, arguments: Sequence[str]) -> Process:
        log = paths.trainer_log
        return parent.run("worker", arguments, folder=paths.root, log=log, environment={})

    return spawn


def cpu_until_the_end(process: Process) -> float:
    """Wait for a process; return its CPU seconds."""
    seen = 0.0
    with suppress(psutil.NoSuchProcess):
        looked_at = psutil.Process(process.pid)
        while process.poll() is None:
            times = looked_at.cpu_times()
            seen = max(seen, times.user + times.system)  # a dying one has none
            time.sleep(LOOK_SECONDS)
    while process.poll() is None:
        time.sleep(LOOK_SECONDS)
    return seen


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the medians."""
    return statistics.median(wall for wall, _ in costs), statistics.median(cpu for _, cpu in costs)


if __name__ == "__main__":
    main()
