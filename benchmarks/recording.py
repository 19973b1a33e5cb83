"""The cost of recording and its delay until it is seen: the run store beside two naive ways.

    uv run python benchmarks/recording.py [--quick]

All ways record the same 40 numbers a step, in the same minute. Times are of this machine, on this
day; the ratios count.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import zarr

from asgml.storage.commands.inbox import SETTLED_NS, Inbox, make_request, send
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import AXES, Metric
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run
from asgml.storage.write.writer import RunWriter

COLUMNS = 40
METRICS = tuple(
    Metric(f"number_{index}", "steps", "a number") for index in range(COLUMNS - len(AXES))
)
RNG = np.random.default_rng(0)
WALK = np.cumsum(RNG.normal(size=(100_000, COLUMNS)), axis=0)
WALK[:, 0] = np.arange(len(WALK))
"""Random walks: a constant would flatter the compression, and no metric is white noise."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps")
    steps = 2_000 if parser.parse_args().quick else 20_000
    folder = Path(tempfile.mkdtemp(prefix="storage-benchmark-"))
    try:
        compare(folder, steps)
        live(folder, seconds=2 if steps < 20_000 else 10)
        reading(folder, 100_000)
        commands(folder / "commands")
    finally:
        shutil.rmtree(folder)


def compare(folder: Path, steps: int) -> None:
    """Every way in a tight loop, which is harder than training."""
    ways = {
        "run store": record_store(folder / "run", steps),
        "JSON lines, flushed each step": record_jsonl(folder / "lines", steps),
        "40 Zarr arrays, appended each step": record_arrays(
            folder / "arrays", max(steps // 500, 10)
        ),
    }
    ours = ways["run store"]
    print(f"{'':36}{'training thread':>18}{'all CPU':>14}{'on disk':>16}")
    units = f"{'µs/step':>11}{'ratio':>7}{'µs/step':>8}{'ratio':>6}{'bytes/step':>10}{'ratio':>6}"
    print(f"{'40 numbers a step':36}{units}")
    for name, way in ways.items():
        cells = [
            f"{value:>{width}.4g}{value / base:>{6}.3g}"
            for value, base, width in zip(way, ours, (12, 8, 10), strict=True)
        ]
        print(f"{name:36}{''.join(cells)}")


def record_store(root: Path, steps: int) -> tuple[float, float, float]:
    with new_run(root) as writer:
        costs = timed(lambda row: writer.append("steps", row), steps, writer.flush)
    return (*costs, size(root / "run.zarr") / steps)


def record_jsonl(root: Path, steps: int) -> tuple[float, float, float]:
    root.mkdir()
    names = [f"number_{index}" for index in range(COLUMNS)]
    with (root / "rows.jsonl").open("w") as file:

        def record(row: list[float]) -> None:
            file.write(json.dumps(dict(zip(names, row, strict=True))) + "\n")
            file.flush()

        costs = timed(record, steps)
    return (*costs, size(root) / steps)


def record_arrays(root: Path, steps: int) -> tuple[float, float, float]:
    group = zarr.create_group(root)
    arrays = [
        group.create_array(f"number_{i}", shape=(0,), chunks=(1024,), dtype="float64")
        for i in range(COLUMNS)
    ]

    def record(row: list[float]) -> None:
        for array, value in zip(arrays, row, strict=True):
            array.append(np.array([value]))

    costs = timed(record, steps)
    return (*costs, size(root) / steps)


def timed(
    record: Callable[[list[float]], Any], steps: int, finish: Callable[[], Any] = lambda: None
) -> tuple[float, float]:
    """Return µs a step that the training thread waits, and µs of CPU of all threads.

    The wait is that of the median stretch of steps: another program that takes the processor for a
    while must not count.
    """
    rows: list[list[float]] = WALK[:steps].tolist()
    waits, stretch = [], max(steps // 20, 1)
    cpu = time.process_time()
    for first in range(0, steps, stretch):
        part = rows[first : first + stretch]
        started = time.perf_counter()
        for row in part:
            record(row)
        waits.append((time.perf_counter() - started) / len(part))
    finish()
    return 1e6 * median(waits), 1e6 * (time.process_time() - cpu) / steps


def live(folder: Path, seconds: float, rate: float = 100.0) -> None:
    """Record 100 steps a second, while another process polls four times a second."""
    with new_run(folder / "live") as writer:
        watcher = subprocess.Popen(
            [sys.executable, __file__, "--watch", str(folder / "live")],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert watcher.stdout is not None
        watcher.stdout.readline()  # it is up
        background, appends = record_paced(writer, seconds, rate)
        flushes = [flush_seconds(writer, step) for step in range(50)]
        writer.close(State.FINISHED)
        latencies = json.loads(watcher.communicate()[0])
    print(f"\nat {rate:.0f} steps a second:")
    with new_run(folder / "by-zarr") as writer:
        leave_chunks_to_zarr(writer)
        by_zarr, _ = record_paced(writer, seconds, rate)
    rare = float(np.quantile(appends, 0.99))
    append, latency = 1e6 * median(appends), median(latencies)
    print(f"  append on the training thread     {append:.2g} µs median, {1e6 * rare:.2g} µs p99")
    ratio = by_zarr / background
    print(f"  CPU of the background thread      {background:.3g} ms a second", end="")
    print(f"; with chunks written by zarr {by_zarr:.3g}, ratio {ratio:.2g}")
    print(
        f"  seen by a watcher (4 polls/s)     {latency:.2f} s median, {max(latencies):.2f} s most"
    )
    print(f"  flush() until it is published     {1e3 * median(flushes):.2g} ms median")


def leave_chunks_to_zarr(writer: RunWriter) -> None:
    """Let zarr write the chunks, as it does for a store of other codecs."""
    publisher = writer._publisher
    for array in (publisher._head_array, *(tail._array for tail in publisher._tails)):
        array._codec = None


def record_paced(writer: RunWriter, seconds: float, rate: float) -> tuple[float, list[float]]:
    appends: list[float] = []
    cpu, own, started = time.process_time(), time.thread_time(), time.perf_counter()
    for step in range(int(seconds * rate)):
        row = list(WALK[step])
        row[:2] = [step, time.time()]
        before = time.perf_counter()
        writer.append("steps", row)
        appends.append(time.perf_counter() - before)
        time.sleep(max(0.0, started + (step + 1) / rate - time.perf_counter()))
    passed = time.perf_counter() - started
    background = (time.process_time() - cpu) - (time.thread_time() - own)
    return 1e3 * background / passed, appends


def flush_seconds(writer: RunWriter, step: int) -> float:
    row = list(WALK[step])
    row[:2] = [step, time.time()]
    writer.append("steps", row)
    before = time.perf_counter()
    writer.flush()
    return time.perf_counter() - before


def watch(root: Path) -> None:
    """In the other process: print the age of each row when it is first seen."""
    run = Run.open(root)
    print("up", flush=True)
    latencies: list[float] = []
    while run.state() != "finished":
        seen = run.rows("steps")
        run.refresh()
        if run.rows("steps") > seen:
            latencies += (time.time() - run.column("steps", "wall_time")[seen:]).tolist()
        time.sleep(0.25)
    print(json.dumps(latencies))


def reading(folder: Path, steps: int) -> None:
    with new_run(folder / "long") as writer:
        for step in range(steps):
            writer.append("steps", WALK[step])
    opening = best_of(5, lambda: Run.open(folder / "long"))
    run = Run.open(folder / "long")
    idle = best_of(5, lambda: [run.refresh() for _ in range(100)]) / 100
    content = (folder / "lines" / "rows.jsonl").read_text().splitlines()
    lines = best_of(1, lambda: [json.loads(line) for line in content]) * steps / len(content)
    print(
        f"\nopening {steps} steps x {COLUMNS}: {1e3 * opening:.0f} ms; "
        f"JSON lines {1e3 * lines:.0f} ms, ratio {lines / opening:.2g}"
    )
    print(f"refresh when nothing is new: {1e6 * idle:.0f} µs")


def commands(folder: Path) -> None:
    """Measure a poll for commands on the training thread, and the sending of one."""
    inbox = Inbox(folder)
    sending = best_of(3, lambda: [send(folder, make_request("pause")) for _ in range(100)]) / 100
    taken = inbox.poll()
    for request in taken:
        inbox.done(request.id)
    time.sleep(2 * SETTLED_NS / 1e9)
    inbox.poll()
    idle = best_of(5, lambda: [inbox.poll() for _ in range(1000)]) / 1000
    print(f"looking for commands: {1e6 * idle:.2g} µs a step; sending one: {1e6 * sending:.0f} µs")


def best_of(tries: int, work: Callable[[], Any]) -> float:
    times = []
    for _ in range(tries):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def new_run(root: Path) -> RunWriter:
    manifest = Manifest(
        name=root.name, created=time.time(), config={}, modalities=(), classes=(), metrics=METRICS
    )
    return RunWriter.create(RunPaths(root), manifest)


def size(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--watch"]:
        watch(Path(sys.argv[2]))
    else:
        main()
