"""The cost of looking at runs from a shell, as a ratio to importing typer and numpy.

    uv run python benchmarks/reading.py [--rounds 9] [--run RUN]

Each round starts every program once, in turn, so that all of them meet the same moments of the
machine. Printed is the least of all rounds, of wall time and of the CPU time of the process.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from asgml.storage.format.head_file import head_bytes
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import AXES, Metric
from asgml.storage.read.reader import Run
from asgml.storage.write.writer import RunWriter

BASE = "import typer, numpy"
GOAL = 2.0
COLUMNS = 40
RUNS = 20
OPEN = """
import pathlib, re, sys, time
from asgml.storage.read.reader import Run
def most():
    # not ru_maxrss, which a process inherits from the one that has started it
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s*(\\d+)", status).group(1)) * 1024 / 1e6
before, started = most(), time.process_time()
run = Run.open(sys.argv[1])
print(time.process_time() - started, before, most())
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--run", type=Path, help="a run of yours; else one is made")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="reading-benchmark-"))
    try:
        compare(folder, given.run, given.rounds)
        poll(folder / "runs" / "run-01")
        million(folder / "million")
    finally:
        shutil.rmtree(folder)


def compare(folder: Path, run: Path | None, rounds: int) -> None:
    """Print what each command costs beside the import of typer and numpy."""
    for number in range(1, RUNS + 1):
        make_run(folder / "runs" / f"run-{number:02}", 1_000)
    path, runs = str(run or folder / "runs" / "run-01"), str(folder / "runs")
    ways = {
        BASE: ["-c", BASE],
        f"{BASE}, zarr": ["-c", f"{BASE}, zarr"],
        "asgml --help": ["--help"],
        "asgml show RUN --json": ["show", path, "--json"],
        "asgml show RUN": ["show", path],
        "asgml tail RUN": ["tail", path],
        f"asgml runs, {RUNS} known": ["runs", "--runs", runs],
        f"asgml runs, {RUNS} for the first time": ["runs", "--runs", runs],
        f"asgml runs --json, {RUNS} known": ["runs", "--runs", runs, "--json"],
    }
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, arguments in ways.items():
            if "first" in name:
                shutil.rmtree(folder / "cache", ignore_errors=True)
            costs[name].append(cost_of(arguments, folder / "cache"))
    base = least(costs[BASE])
    print(f"{'':36}{'wall, s':>9}{'ratio':>7}{'CPU, s':>9}{'ratio':>7}")
    for name, found in costs.items():
        wall, cpu = least(found)
        print(f"{name:36}{wall:9.3f}{wall / base[0]:7.2f}{cpu:9.3f}{cpu / base[1]:7.2f}")
    print(f"goal of `runs` and `show --json`: {GOAL:g}; of {rounds} rounds, the least of each")


def cost_of(arguments: list[str], cache: Path) -> tuple[float, float]:
    """Return wall time and CPU time of a process, in seconds."""
    program = [sys.executable, "-P"]
    if arguments[0] != "-c":
        program += ["-c", "from asgml.app.cli.program import main; main()"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "XDG_CONFIG_HOME": "/nowhere"}
    started = time.perf_counter()
    process = subprocess.Popen(
        [*program, *arguments], env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime


def least(costs: list[tuple[float, float]]) -> tuple[float, float]:
    return min(wall for wall, _ in costs), min(cpu for _, cpu in costs)


def make_run(root: Path, steps: int, columns: int = COLUMNS) -> None:
    names = [f"number_{index}" for index in range(columns - len(AXES))]
    metrics = tuple(Metric(name, "steps", "a number") for name in names)
    manifest = Manifest(
        name=root.name, created=time.time(), config={}, modalities=(), classes=(), metrics=metrics
    )
    walk = np.cumsum(np.random.default_rng(0).normal(size=(steps, columns)), axis=0)
    with RunWriter.create(RunPaths(root), manifest) as writer:
        for number, row in enumerate(walk):
            writer.append("steps", row)
            if number % 100_000 == 0:
                writer.flush()


def poll(root: Path) -> None:
    """Print what a look costs when nothing is new, beside reading the head's 256 bytes alone."""
    run, costs, alone = Run.open(root), [], []
    for _ in range(200):
        costs.append(seconds_of(run.refresh))
        alone.append(seconds_of(lambda: head_bytes(str(root))))
    least_cost, middle = 1e6 * min(costs), 1e6 * median(costs)
    print(f"\na poll with nothing new: {least_cost:.1f} µs least, {middle:.1f} median")
    print(f"over reading 256 bytes: {min(costs) / min(alone):.1f}")


def seconds_of(work: Callable[[], object], times: int = 20) -> float:
    started = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - started) / times


def million(root: Path, rows: int = 1_000_000, columns: int = 14) -> None:
    """Print time and memory of opening a long run, in a process of its own."""
    make_run(root, rows, columns)
    said = subprocess.run(
        [sys.executable, "-c", OPEN, str(root)], capture_output=True, text=True, check=True
    )
    cpu, before, peak = (float(word) for word in said.stdout.split())
    least_mb = rows * columns * 8 / 1e6
    print(f"\n{rows} x {columns}: opened in {cpu:.2f} s of CPU, {before:.0f} MB before,", end=" ")
    print(f"{peak:.0f} at most; taken over the numbers' own {least_mb:.0f} MB: ", end="")
    print(f"{(peak - before) / least_mb:.2f}")


if __name__ == "__main__":
    main()
