"""Reading in several processes: the same batches, errors of one line, no process left behind."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from clip_kit import NoisyView, children, clip_set, files_of, make_files, same
from torch import Tensor

from asgml.core.data.base import DataError, Split
from asgml.core.data.clips.clip_options import ClipOptions
from asgml.core.data.datasets.clip_dataset import load_clips
from asgml.core.data.loading.batches import Batches, in_order
from asgml.core.data.loading.worker_loading import map_in_workers, read_batches

CPU = torch.device("cpu")
pytestmark = pytest.mark.filterwarnings(
    "ignore:This DataLoader will create"
)  # more processes than this machine has cores


@dataclass(frozen=True)
class Counting:
    """N samples that are their own numbers, and the process that read them.

    At the number that a file in `do` has as its name, its content happens.
    """

    size: int
    workers: int
    do: Path = Path("/nowhere")
    nbytes: None = None

    def __len__(self) -> int:
        return self.size

    def read(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        for number in numbers:
            if (self.do / str(number)).exists():
                self.misbehave((self.do / str(number)).read_text(), number)
        return {
            "number": torch.tensor(numbers),
            "process": torch.full((len(numbers),), os.getpid()),
        }

    def only(self, modalities: Sequence[str]) -> Counting:
        return self

    def misbehave(self, how: str, number: int) -> None:
        if how == "error":
            raise DataError(f"sample {number}: not a sound file")
        if how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "bug":
            raise ZeroDivisionError("a bug")
        time.sleep(0.05)


def parts(count: int, size: int = 3) -> list[Tensor]:
    return list(torch.split(torch.arange(count), size))


def all_gone(patience: float = 8.0) -> bool:
    end = time.monotonic() + patience
    while children() - before() and time.monotonic() < end:
        time.sleep(0.02)
    return not children() - before()


OTHERS: set[int] = set()
"""Processes of this one that have nothing to do with the test that runs."""


@pytest.fixture(autouse=True)
def _others() -> None:
    OTHERS.clear()
    OTHERS.update(children())


def before() -> set[int]:
    """Processes that were there before the test, and multiprocessing's own."""
    from multiprocessing import resource_tracker

    tracker = getattr(resource_tracker._resource_tracker, "_pid", None)  # type: ignore[attr-defined]
    return OTHERS | ({tracker} if tracker else set())


@pytest.mark.parametrize("workers", [0, 1, 2, 3, 9])
def test_any_number_of_processes_reads_the_same_in_the_same_order(workers: int) -> None:
    chosen = [torch.tensor(part) for part in ([5, 2], [9], [0, 0, 1], [7, 3], [4])]
    read = list(read_batches(Counting(10, workers), chosen, pin=False))
    assert [part["number"].tolist() for part in read] == [part.tolist() for part in chosen]
    processes = {int(process) for part in read for process in part["process"]}
    assert len(processes) == max(1, min(workers, 5))
    assert (os.getpid() in processes) == (workers == 0)
    assert all_gone()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_batches_of_clips_are_those_of_one_process(tmp_path: Path, workers: int) -> None:
    found = clip_set(make_files(tmp_path))
    one, other = (
        load_clips(found, ClipOptions(workers=count)).splits["train"] for count in (0, workers)
    )
    for _ in range(2):
        batches = [Batches(split, 4, CPU, seed=1) for split in (one, other)]
        for made in batches:
            made.begin_epoch()
        for a, b in zip(batches[0].rest_of_epoch(), batches[1].rest_of_epoch(), strict=True):
            assert same(a.inputs, b.inputs) and torch.equal(a.labels, b.labels)


def test_a_single_batch_is_read_here(tmp_path: Path) -> None:
    """As `take` does: a process costs more than the batch."""
    read = list(read_batches(Counting(10, 2), parts(3), pin=False))
    assert read[0]["process"].tolist() == [os.getpid()] * 3


@pytest.mark.parametrize("workers", [0, 2])
def test_nothing_is_read_for_nothing(workers: int) -> None:
    assert list(read_batches(Counting(10, workers), [], pin=False)) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_torchs_own_random_numbers_stay_as_they_were(workers: int) -> None:
    """Else dropout would depend on the data coming from files, from a cache or from memory."""
    torch.manual_seed(5)
    state = torch.get_rng_state()
    list(read_batches(Counting(10, workers), parts(10), pin=False))
    assert torch.equal(torch.get_rng_state(), state)


# Errors


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_error_arrives_as_it_was_raised_after_the_batches_before_it(
    tmp_path: Path, workers: int
) -> None:
    (tmp_path / "7").write_text("error")
    read: list[int] = []
    with pytest.raises(DataError) as caught:
        for part in read_batches(Counting(12, workers, tmp_path), parts(12), pin=False):
            read += part["number"].tolist()
    assert str(caught.value) == "sample 7: not a sound file"
    assert read == list(range(6))
    assert all_gone()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_file_stops_the_epoch_with_one_line(tmp_path: Path, workers: int) -> None:
    found = clip_set(make_files(tmp_path))
    files_of(tmp_path, "test-005")[1].write_bytes(b"bad")
    split = load_clips(found, ClipOptions(workers=workers)).splits["test"]
    with pytest.raises(DataError, match=r"^/[^\n]*test-005/0.bin: not a sound file$"):
        list(in_order(split, 3, CPU))


def test_a_bug_in_a_decoder_is_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "7").write_text("bug")
    with pytest.raises(ZeroDivisionError, match="a bug"):
        list(read_batches(Counting(12, 2, tmp_path), parts(12), pin=False))


def test_a_killed_process_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "7").write_text("die")
    with pytest.raises(DataError) as caught:
        list(read_batches(Counting(12, 2, tmp_path), parts(12), pin=False))
    said = str(caught.value)
    assert (
        "\n" not in said and "a process that reads the data ended" in said and "workers=0" in said
    )
    assert all_gone()


# What is left behind


@pytest.mark.parametrize("workers", [1, 3])
def test_an_abandoned_epoch_leaves_no_process(workers: int) -> None:
    reading = read_batches(Counting(60, workers), parts(60), pin=False)
    next(reading)
    assert len(children() - before()) == workers
    del reading
    assert all_gone()


def test_a_loop_that_is_left_early_leaves_no_process() -> None:
    batches = Batches(
        Split({}, torch.zeros(60, dtype=torch.int64), Counting(60, 2), {"number": NoisyView()}),
        3,
        CPU,
        seed=1,
    )
    batches.begin_epoch()
    for number, _ in enumerate(batches.rest_of_epoch()):
        if number == 2:
            break
    assert all_gone()
    assert batches.position == 2


def test_an_error_of_the_consumer_leaves_no_process() -> None:
    with pytest.raises(KeyError):
        for _ in read_batches(Counting(60, 2), parts(60), pin=False):
            raise KeyError
    gc.collect()
    assert all_gone()


@pytest.fixture
def ignored_by_workers() -> Iterator[None]:
    """Trainers answer to SIGTERM themselves; here nothing happens."""
    old = [signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)]
    yield
    for number, handler in zip((signal.SIGTERM, signal.SIGINT), old, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("ignored_by_workers")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_all_processes_does_not_cut_off_the_step(number: int) -> None:
    """A cluster ends all processes of a job; the trainer finishes its step and needs readers."""
    reading = read_batches(Counting(60, 2), parts(60), pin=False)
    # One batch of each process: a signal before it has begun would end it.
    read = [number for _ in range(2) for number in next(reading)["number"].tolist()]
    for pid in children() - before():
        os.kill(pid, number)
    time.sleep(0.1)
    for part in reading:
        read += part["number"].tolist()
    assert read == list(range(60))
    assert all_gone()


def test_a_program_that_ends_in_the_middle_of_an_epoch_ends() -> None:
    """Its readers ignore SIGTERM, with which Python ends them at its exit before it waits."""
    program = (
        "import sys, test_worker_loading as t; "
        "r = t.read_batches(t.Counting(60, 2), t.parts(60), pin=False); next(r); sys.r = r"
    )
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).resolve().parents[3])])
    words = [sys.executable, "-c", program]
    said = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=60
    )
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.slow
def test_readers_end_after_their_trainer_is_killed(tmp_path: Path) -> None:
    def train() -> None:
        reading = read_batches(Counting(6000, 2, tmp_path), parts(6000), pin=False)
        next(reading)
        (tmp_path / "children").write_text(" ".join(map(str, children())))
        time.sleep(60)

    process = multiprocessing.get_context("fork").Process(target=train)
    process.start()
    while not (tmp_path / "children").exists() or not (tmp_path / "children").read_text():
        time.sleep(0.02)
    process.kill()
    process.join()
    readers = [int(word) for word in (tmp_path / "children").read_text().split()]
    end = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in readers) and time.monotonic() < end:
        time.sleep(0.1)
    assert len(readers) == 2
    assert not [pid for pid in readers if Path(f"/proc/{pid}").exists()]


# Beside the threads of a run


def test_processes_start_beside_the_thread_that_records_the_run(tmp_path: Path) -> None:
    """A fork copies the thread's locks in whatever state they are. Nothing that reads takes one."""
    from asgml.storage.format.layout import RunPaths
    from asgml.storage.format.manifest import Manifest
    from asgml.storage.format.metrics import METRICS
    from asgml.storage.format.status import State
    from asgml.storage.read.reader import Run
    from asgml.storage.write.writer import RunWriter

    manifest = Manifest(
        name="r",
        created=time.time(),
        config={},
        modalities=("audio",),
        classes=("a", "b"),
        metrics=METRICS,
    )
    paths = RunPaths(tmp_path / "runs" / "r")
    width = len(manifest.columns("steps"))
    steps = 0
    with warnings.catch_warnings(), RunWriter.create(paths, manifest) as writer:
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # from Python 3.12 on every fork beside a thread is warned of
        for _ in range(8):
            for part in read_batches(Counting(24, 2), parts(24), pin=False):
                for number in part["number"].tolist():
                    row = [0.0] * width
                    row[:2] = [float(steps), time.time()]
                    writer.append("steps", row)
                    steps += 1
                    assert number == (steps - 1) % 24
        writer.close(State.FINISHED)
    run = Run.open(paths)
    assert (run.rows("steps"), run.state()) == (8 * 24, "finished")
    assert all_gone()


def test_what_is_read_need_not_be_tensors() -> None:
    assert list(
        map_in_workers(lambda numbers: {"sum": sum(numbers), "words": ["a"]}, [[1, 2], [3]], 2)
    ) == [
        {"sum": 3, "words": ["a"]},
        {"sum": 3, "words": ["a"]},
    ]
