"""Samples read a second: from files, and from a prepared cache.

    uv run python benchmarks/loading.py [cremad:/data/CREMA-D] [--frames 3] [--rounds 3]

Measured in turns, in the same minutes. Without a data set, one of `asgml data make-demo` is made:
480x360 jpg images and 16 kHz wav files. Its files are in the system's memory when they are read,
and so is the cache. Times are of this machine, on this day; the ratios count.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import torch

from asgml.core.data.base import Dataset, Split, load_data
from asgml.core.data.cache.identity import cache_path
from asgml.core.data.cache.prepare import prepare
from asgml.core.data.datasets.clip_loader import find
from asgml.core.data.loading.batches import Batches
from asgml.core.data.loading.worker_loading import read_batches
from asgml.core.data.synthetic.demo_files import make_demo

BATCH = 16
CPU = torch.device("cpu")
FILES = (0, 2)  # processes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "data", nargs="?", help="a data set of clips and its folder, as in cremad:/data/CREMA-D"
    )
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=200, help="of the data set that is made")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="loading-benchmark-"))
    try:
        if given.data is None:
            make_demo(folder / "files", clips=given.clips)
        compare(
            given.data or f"cremad:{folder / 'files'}",
            {"frames": given.frames},
            folder / "cache",
            given.rounds,
        )
    finally:
        shutil.rmtree(folder)


def compare(spec: str, options: dict[str, object], folder: Path, rounds: int) -> None:
    took = make_cache(spec, options, folder)
    ways: dict[str, Split] = {
        f"files, {n} processes": train(spec, {**options, "cache": "off", "workers": n})
        for n in FILES
    }
    ways["cache"] = train(spec, {**options, "cache": str(folder)})
    split = ways["cache"]
    assert split.rows is not None and split.rows.nbytes is not None
    size = f"{split.rows.nbytes / len(split) / 2**10:.0f} KiB a clip as stored"
    print(f"{spec}: {len(split)} clips in train, {size}; made in {took:.1f} s")
    turns = [{way: rate(part, stored) for way, part in ways.items()} for _ in range(rounds)]
    rates = {way: median(turn[way] for turn in turns) for way in ways}
    columns = f"{'samples/s':>12}{'µs a sample':>14}{'ratio to cache':>17}"
    print(f"{'samples as they are stored':30}{columns}")
    for way, found in rates.items():
        print(f"{way:30}{found:12.0f}{1e6 / found:14.0f}{rates['cache'] / found:17.3g}")
    views(split, rates["cache"])


def make_cache(spec: str, options: dict[str, object], folder: Path) -> float:
    """Make the cache; return the seconds it took."""
    found = find(spec, options, 0)
    began = time.perf_counter()
    assert prepare(
        found, folder, workers=-1, allow_missing=False, progress=lambda done, total: None
    ) == cache_path(found, folder)
    return time.perf_counter() - began


def train(spec: str, options: dict[str, object]) -> Split:
    data: Dataset = load_data(spec, options)
    return data.splits["train"]


def rate(split: Split, samples: Callable[[Split], Iterator[int]]) -> float:
    """Return samples a second, over epochs that take a second or more, starts of processes too."""
    began, read = time.perf_counter(), 0
    while True:
        read += sum(samples(split))
        if (passed := time.perf_counter() - began) > 1:
            return read / passed


def stored(split: Split) -> Iterator[int]:
    """Read three epochs in random order, without the views."""
    assert split.rows is not None
    # in one go, so that the start of the processes weighs little
    order = torch.cat([torch.randperm(len(split)) for _ in range(3)])
    for part in read_batches(split.rows, torch.split(order, BATCH), pin=False):
        yield len(next(iter(part.values())))


def seen(split: Split) -> Iterator[int]:
    """Read an epoch as the networks are given it, augmented."""
    batches = Batches(split, BATCH, CPU, seed=0)
    batches.begin_epoch()
    for batch in batches.rest_of_epoch():
        yield len(batch.labels)


def views(split: Split, reading: float) -> None:
    """Print the time of the views on the CPU; on a GPU they run there."""
    whole = rate(split, seen)
    alone = 1e3 * (1 / whole - 1 / reading)
    print(
        f"\nwith the views of training, on the CPU: {whole:.0f} samples/s; "
        f"the views alone take {alone:.2g} ms a sample"
    )
    for m, view in split.views.items():
        sample = (
            split.rows.read(range(min(BATCH, len(split))))[m] if split.rows else split.inputs[m]
        )
        began = time.perf_counter()
        view(sample, torch.Generator().manual_seed(0))
        print(f"  {m:20}{1e3 * (time.perf_counter() - began) / len(sample):8.2g} ms a sample")


if __name__ == "__main__":
    main()
