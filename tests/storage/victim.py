"""Writers to be killed: reads run directories from stdin, forks a writer for each, prints its pid.

Forked, because a new interpreter takes a second to import zarr, and a test kills dozens.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from store_kit import note, row, small_manifest, write_steps

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run
from asgml.storage.write.writer import RunWriter
from asgml.storage.write.written_array import WrittenArray


def main() -> None:
    dawdle()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are buried at once
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            random.seed()
            write_until_killed(RunPaths(Path(line.strip())))
        print(pid, flush=True)


def dawdle() -> None:
    """Stretches the moments between two writes, so that kills and looks hit them often."""
    write, rename = WrittenArray.write_chunk, os.replace

    def wait_and_write(array: WrittenArray, place: Any, value: Any) -> None:
        time.sleep(0.003 * random.random())
        write(array, place, value)

    def wait_and_rename(aside: Any, path: Any) -> None:
        time.sleep(0.001 * random.random())
        rename(aside, path)

    WrittenArray.write_chunk = wait_and_write  # type: ignore[method-assign]
    os.replace = wait_and_rename  # type: ignore[assignment]


def write_until_killed(paths: RunPaths) -> None:
    """Record row N of `steps` and of `probes`, and an event and a log line with every eighth."""
    has_head = (paths.store / "head" / "zarr.json").exists()
    step, probe = (Run.open(paths).rows(table) if has_head else 0 for table in ("steps", "probes"))
    writer = (
        RunWriter.resume(paths, flush_every=0.002)
        if has_head
        else RunWriter.create(paths, small_manifest(), flush_every=0.002)
    )
    writer.mark(State.RUNNING)
    write_steps(
        writer, range(probe + 1, step + 1), writer.segment, "probes"
    )  # the kill may have come between two rows
    while True:
        step += 1
        writer.append("steps", row("steps", step, writer.segment))
        writer.append("probes", row("probes", step, writer.segment))
        if step % 8 == 0:
            writer.event(note(step, "x" * (step % 50), writer.segment))
            writer.log(f"line {step}")
            time.sleep(0.0005)  # leaves the background thread time to publish


if __name__ == "__main__":
    main()
