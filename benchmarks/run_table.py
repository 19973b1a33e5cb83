"""What a table of many runs costs: the first reading, later ones, and one changed run.

    python benchmarks/run_table.py [RUNS] [--folder DIR]

Makes RUNS small run directories (10,000 unless given) by copying the files of one, with other
settings in each manifest, and reads them as `asgml runs` does, each time in a new process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

READ = """
import sys, time
from pathlib import Path
begin = time.perf_counter()
from asgml.storage.runs.index import read_records
loaded = time.perf_counter()
records = read_records(Path(sys.argv[1]))
read = time.perf_counter()
values = [(record.chosen["val_accuracy"], len(record.settings)) for record in records]
looked = time.perf_counter()
print(f"{len(records)} runs: import {loaded - begin:.2f} s, read {read - loaded:.2f} s, "
      f"settings and chosen values {looked - read:.2f} s"
      f"{'' if 'zarr' in sys.modules else ', without zarr'}")
"""
EACH = """
import sys, time
from pathlib import Path
from asgml.storage.format.layout import list_runs
from asgml.storage.read.reader import Run
from asgml.storage.read.summary import summarize
runs = list_runs(Path(sys.argv[1]))[:200]
begin = time.perf_counter()
for paths in runs:
    summarize(Run.open(paths))
each = (time.perf_counter() - begin) / len(runs)
print(f"opening the store of each run: {each * 1e3:.1f} ms a run")
"""


def make_runs(folder: Path, count: int) -> None:
    """Fill the folder with runs; those that are there already stay."""
    from tiny import write_tiny_run

    first = folder / ".first"  # a name with a dot is no run of the folder
    if not first.exists():
        write_tiny_run(first)
        shutil.rmtree(first / "checkpoints")
    record = json.loads((first / "run.zarr" / "zarr.json").read_text())
    for number in range(count):
        root = folder / f"run-{number:05d}"
        if root.exists():
            continue
        shutil.copytree(first, root)
        record["attributes"] |= {"config": config_of(number), "seed": number % 5}
        (root / "run.zarr" / "zarr.json").write_text(json.dumps(record))


def config_of(number: int) -> dict[str, object]:
    """Return a configuration as large as a real one: 64 settings, four of which differ."""
    same = {
        f"section_{part}": {f"setting_{index}": index / 7 for index in range(part, 60, 8)}
        for part in range(8)
    }
    rate = 10.0 ** -(number % 4)
    return {**same, "method": "boost", "seed": number % 5, "optimizer": {"lr": rate}}


def timed(code: str, folder: Path, cache: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    subprocess.run([sys.executable, "-P", "-c", code, str(folder)], env=environment, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="keep the runs here; made where it is empty")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, cache = given.folder or Path(scratch) / "runs", Path(scratch) / "cache"
        folder.mkdir(parents=True, exist_ok=True)
        make_runs(folder, given.runs)
        timed(EACH, folder, cache)
        for what in ("nothing known", "nothing changed", "nothing changed", "one changed"):
            print(f"{what:>16}:", end=" ", flush=True)
            if what == "one changed":
                (folder / "run-00000" / "run.toml").touch()
            timed(READ, folder, cache)


if __name__ == "__main__":
    main()
