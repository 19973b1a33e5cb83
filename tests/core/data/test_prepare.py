"""Preparing a cache: goes on after a kill, redoes what changed, never only seems complete."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import resource
import signal
import time
from collections import Counter
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
import zarr
from clip_kit import (
    SIZES,
    ByteDecoder,
    children,
    clip_set,
    files_of,
    make_files,
    names,
    same,
    silent,
)
from torch import Tensor

from asgml.core.data.base import DataError
from asgml.core.data.cache import prepare as preparing
from asgml.core.data.cache import zarr_arrays
from asgml.core.data.cache.clip_cache import CachedRows, open_cache
from asgml.core.data.cache.find_cache import find_cache
from asgml.core.data.cache.prepare import prepare
from asgml.core.data.clips.clip_options import ClipOptions
from asgml.core.data.clips.clips import ClipSet, Fault, Modality, Source
from asgml.core.data.datasets.clip_dataset import load_clips
from asgml.storage.write.lock import WriterLock


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zarr_arrays, "CHUNK_CLIPS", 4)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_files(tmp_path / "root")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "decoded.log"


def make(
    found: ClipSet, where: Path | None = None, *, allow_missing: bool = False, workers: int = 0
) -> Path:
    return prepare(found, where, workers=workers, allow_missing=allow_missing, progress=silent)


def decoded(log: Path) -> Counter[str]:
    """Count the decodings of each clip's sound since the last look."""
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return Counter(lines)


def holds_what_decoding_gives(found: ClipSet) -> bool:
    data, truth = (
        load_clips(found, ClipOptions(cache="require")),
        load_clips(found, ClipOptions(cache="off", workers=0)),
    )
    every = {part: range(len(split)) for part, split in data.splits.items()}
    return all(
        same(data.splits[part].rows.read(every[part]), truth.splits[part].rows.read(every[part]))
        for part in every
    )


# Going on


def test_a_second_time_decodes_nothing_and_changes_no_file(root: Path, log: Path) -> None:
    found = clip_set(root, log=log)
    cache = make(found)
    assert decoded(log) == Counter(clip for part in names().values() for clip in part)
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    assert make(found) == cache
    assert not decoded(log)
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before


def start(found: ClipSet, workers: int, told: Path) -> BaseProcess:
    """Start a process that prepares, 2 ms a decoding, and writes its progress to a file."""
    decode = ByteDecoder.decode

    def slowly(self: ByteDecoder, source: Source, clip: str) -> Tensor:
        time.sleep(0.002)
        return decode(self, source, clip)

    def tell(done: int, total: int) -> None:
        with told.open("a") as file:
            file.write(f"{done}\n")

    def work() -> None:
        ByteDecoder.decode = slowly  # type: ignore[method-assign]  # in that process only
        prepare(found, None, workers=workers, allow_missing=False, progress=tell)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    return process


def last(told: Path) -> int:
    lines = told.read_text().split() if told.exists() else []
    return int(lines[-1]) if lines else 0


def kill(process: BaseProcess) -> None:
    process.kill()
    process.join()


@pytest.mark.parametrize("workers", [0, 2])
def test_after_a_kill_finished_chunks_are_kept(
    root: Path, log: Path, tmp_path: Path, workers: int
) -> None:
    found = clip_set(root, log=log)
    process = start(found, workers, told := tmp_path / "told")
    while last(told) < 12:
        assert process.is_alive()
    kill(process)
    finished = last(told)
    decoded(log)
    cache, reason = find_cache(found, "auto", found.modalities)
    assert cache is None and reason.endswith("is not complete")
    make(found)
    assert sum(decoded(log).values()) <= sum(SIZES.values()) - finished
    assert holds_what_decoding_gives(found)


@pytest.mark.slow
def test_kills_at_any_moment_never_leave_wrong_numbers(
    root: Path, log: Path, tmp_path: Path
) -> None:
    """At each end of the preparation a source changes and a chunk is lost: there is work again."""
    found, rng, ends = clip_set(root, log=log), np.random.default_rng(0), 0
    for number in range(100):
        process = start(found, number % 3, tmp_path / "told")
        time.sleep(rng.uniform(0, 0.25))
        kill(process)
        cache, _ = find_cache(found, "auto", found.modalities)
        if cache is not None:
            ends += 1
            assert holds_what_decoding_gives(found)
            victim = str(rng.choice([clip.id for clip in found.splits["train"]]))
            files_of(root, victim)[0].write_bytes(b"ok" + rng.bytes(40))
            (cache.path / "audio" / f"c.{rng.integers(9)}.0.0.0").unlink()
    assert 5 < ends < 95
    make(found)
    assert holds_what_decoding_gives(found)


async def other_writes_end() -> None:
    """Wait for the writes that zarr began beside the failed one; a new process never meets them."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("call", range(0, 60, 3))
def test_an_interruption_at_any_write_leaves_nothing_that_reads_as_complete(
    root: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """Every write goes through zarr's atomic one; each in turn fails, and everything after it."""
    from zarr.core.sync import sync
    from zarr.storage import _local

    put, count = _local._put, [0]

    def failing(*given: object, **named: object) -> object:
        count[0] += 1
        if count[0] > call:
            raise OSError(28, "No space left on device")
        return put(*given, **named)

    found = clip_set(root)
    monkeypatch.setattr(_local, "_put", failing)
    try:
        make(found)
        assert count[0] <= call
    except DataError as error:
        assert re.fullmatch(
            rf"{root}.*\.zarr cannot be written \(No space left on device\); "
            r"[^\n]*what is decoded is kept",
            str(error),
        )
        assert find_cache(found, "auto", found.modalities)[0] is None
    sync(other_writes_end())
    monkeypatch.setattr(_local, "_put", put)
    make(found)
    assert holds_what_decoding_gives(found)


def test_a_disk_that_is_too_small_is_refused_before_anything_is_decoded(
    root: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = clip_set(root, log=log)
    free = type("Usage", (), {"free": 10 * 4 * (70 + 96) - 1})  # 38 clips are 10 chunks of 4
    monkeypatch.setattr(preparing.shutil, "disk_usage", lambda path: free)
    with pytest.raises(
        DataError, match=r"needs 0.0 GiB more, 0.0 are free there; make room or give another place"
    ):
        make(found)
    assert not decoded(log)
    free.free += 1
    make(found)


def test_a_write_that_the_system_cuts_off(root: Path, tmp_path: Path) -> None:
    """In a process of its own the system refuses files over 300 bytes: writes of chunks fail."""
    found = clip_set(root)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        zarr_arrays.create_cache(tmp_path / "it.zarr", preparing.settings_of(found.modalities))
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
        try:
            make(found, tmp_path / "it.zarr")
        except DataError as error:
            os._exit(7 if "cannot be written (File too large)" in str(error) else 8)
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert not open_cache(tmp_path / "it.zarr").complete
    make(found, tmp_path / "it.zarr")
    assert open_cache(tmp_path / "it.zarr").complete


# What has changed


def test_only_what_has_changed_is_decoded_again(root: Path, log: Path) -> None:
    found = clip_set(root, log=log)
    make(found)
    decoded(log)
    files_of(root, "train-007")[0].write_bytes(b"ok, other bytes")
    files_of(root, "test-001")[2].write_bytes(b"ok, other frame")
    make(found)
    assert decoded(log) == Counter(["train-007", "test-001"])
    assert holds_what_decoding_gives(found)


@pytest.mark.parametrize("damage", ["lost", "cut"])
def test_a_damaged_chunk_is_decoded_again(root: Path, log: Path, damage: str) -> None:
    found = clip_set(root, log=log)
    cache = make(found)
    decoded(log)
    chunk = cache / "visual" / "c.3.0.0.0.0"
    chunk.unlink() if damage == "lost" else chunk.write_bytes(chunk.read_bytes()[:50])
    make(found)
    assert len(decoded(log)) == 4
    assert holds_what_decoding_gives(found)


@pytest.mark.parametrize("chunk", [2, 5])
def test_what_a_damaged_chunk_held_of_other_clips_is_forgotten(
    root: Path, log: Path, chunk: int
) -> None:
    """They left the lists, so they are not decoded again: nor may they count as decoded.

    Chunk 2 holds two clips that are still in the lists, and chunk 5 none.
    """
    found = clip_set(root, log=log)
    fewer = replace(found, splits={**found.splits, "train": found.splits["train"][:1]})
    cache = make(found)
    (cache / "audio" / f"c.{chunk}.0.0.0").write_bytes(b"short")
    assert find_cache(fewer, "auto", found.modalities)[0] is None
    make(fewer)
    assert holds_what_decoding_gives(fewer)
    assert find_cache(found, "auto", found.modalities)[0] is None
    make(found)
    assert holds_what_decoding_gives(found)


def test_more_clips_join_those_that_are_there(root: Path, log: Path) -> None:
    found = clip_set(root, log=log)
    fewer = replace(
        found,
        splits={
            **found.splits,
            "train": found.splits["train"][5:8],
            "val": found.splits["val"][2:],
        },
    )
    make(fewer)
    assert len(decoded(log)) == 3 + 4 + 9
    make(found)
    assert len(decoded(log)) == 38 - 16
    assert holds_what_decoding_gives(found) and holds_what_decoding_gives(fewer)
    decoded(log)
    make(fewer)
    assert not decoded(log)


def test_rows_that_a_kill_left_without_a_name_are_used(root: Path) -> None:
    """Arrays grow before the names are written."""
    found = clip_set(root)
    fewer = replace(found, splits={**found.splits, "val": found.splits["val"][:1]})
    cache = make(fewer)
    group = zarr.open_group(cache, mode="r+")
    for name, array in group.arrays():
        array.resize((36 if name == "id" else 37, *array.shape[1:]))  # it held 33
    make(found)
    assert group["id"].shape == (38,)
    assert sorted(open_cache(cache).rows.values()) == list(range(38))
    assert holds_what_decoding_gives(found)


def test_chunks_of_silence_and_darkness_are_kept(root: Path) -> None:
    for path in root.rglob("*.bin"):
        path.write_bytes(bytes(40))
    found = clip_set(root)
    make(found)
    assert holds_what_decoding_gives(found)
    rows = load_clips(found, ClipOptions()).splits["train"].rows
    assert isinstance(rows, CachedRows)
    assert not rows.read([0])["visual"].any()


# What is refused


def test_another_process_that_prepares_is_waited_for(root: Path) -> None:
    found = clip_set(root)
    cache = make(found)
    lock = WriterLock(cache.with_name(f"{cache.name}.lock"))
    with pytest.raises(
        DataError,
        match=rf"^{cache} is being prepared by another process: .*process {os.getpid()}[^\n]*$",
    ):
        make(found)
    lock.release()
    make(found)


def test_the_lock_of_a_dead_process_is_taken_over_and_given_back(
    root: Path, tmp_path: Path
) -> None:
    process = start(clip_set(root), 0, told := tmp_path / "told")
    while not last(told):
        assert process.is_alive()
    kill(process)
    locks = list((root / "asgml-cache").glob("*.lock"))
    assert len(locks) == 1
    make(clip_set(root))
    assert not locks[0].exists()


def test_a_cache_of_other_settings_is_not_overwritten(root: Path, tmp_path: Path) -> None:
    cache = make(clip_set(root), tmp_path / "one.zarr")
    other = clip_set(root, rate=8000)
    only_sound = replace(clip_set(root), modalities={"audio": clip_set(root).modalities["audio"]})
    for found in (other, only_sound):
        with pytest.raises(
            DataError, match=rf"^{cache} holds clips decoded with other settings [^\n]*$"
        ):
            make(found, cache)
    assert find_cache(clip_set(root), str(cache), clip_set(root).modalities)[0] is not None


def test_what_is_no_cache_is_never_overwritten(root: Path, tmp_path: Path) -> None:
    folder, file = tmp_path / "mine.zarr", tmp_path / "file.zarr"
    folder.mkdir()
    (folder / "precious.txt").write_text("words")
    file.write_text("words")
    for place in (folder, file):
        with pytest.raises(DataError, match=rf"^{place} [^\n]*$"):
            make(clip_set(root), place)
    assert (folder / "precious.txt").read_text() == file.read_text() == "words"


def test_an_empty_folder_and_the_remains_of_a_kill_are_no_hindrance(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "it.zarr").mkdir()
    (tmp_path / "it.zarr.new" / "audio").mkdir(parents=True)
    (tmp_path / "it.zarr.new" / "zarr.json").write_text("{")
    assert open_cache(make(clip_set(root), tmp_path / "it.zarr")).complete


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(root: Path) -> None:
    root.chmod(0o500)
    with pytest.raises(DataError, match=r"cannot be written \(Permission denied\)"):
        make(clip_set(root))
    root.chmod(0o700)


# Clips that cannot be decoded


@pytest.mark.parametrize("workers", [0, 2])
def test_clips_that_cannot_be_decoded_are_all_named(root: Path, log: Path, workers: int) -> None:
    found = clip_set(root, log=log)
    files_of(root, "train-003")[0].write_bytes(b"bad")
    files_of(root, "val-002")[2].write_bytes(b"bad")
    expected = (
        r"^2 clips of fake cannot be decoded: train-003: .*train-003.bin: not a sound file; "
        r"val-002: [^\n]*--allow-missing leaves them out$"
    )
    with pytest.raises(DataError, match=expected):
        make(found, workers=workers)
    assert find_cache(found, "auto", found.modalities)[1].endswith("is not complete")
    decoded(log)
    make(found, workers=workers, allow_missing=True)
    assert set(decoded(log)) == {"train-003", "val-002"}


def test_clips_left_out_are_recorded_and_refused_where_they_are_not_allowed(root: Path) -> None:
    found = clip_set(root)
    files_of(root, "train-003")[0].write_bytes(b"bad")
    cache = make(found, allow_missing=True)
    absent = zarr.open_group(cache, mode="r").attrs["absent"]
    assert list(absent) == ["train-003"] and "not a sound file" in str(absent)
    with pytest.raises(
        DataError,
        match=r"1 clips of fake cannot be used: train-003: .*not a sound file.*"
        r"--allow-missing trains without",
    ):
        load_clips(found, ClipOptions())
    data = load_clips(found, ClipOptions(allow_missing=True))
    assert (data.info["counts"], data.info["missing"]) == ({"train": 22, "val": 6, "test": 9}, 1)
    fewer = replace(
        found,
        splits={
            **found.splits,
            "train": tuple(clip for clip in found.splits["train"] if clip.id != "train-003"),
        },
    )
    truth = load_clips(fewer, ClipOptions(cache="off", workers=0)).splits["train"]
    assert data.splits["train"].labels.tolist() == truth.labels.tolist()
    assert same(data.splits["train"].rows.read(range(22)), truth.rows.read(range(22)))


def test_a_cache_without_some_clips_stays_complete_where_they_are_asked_for_again(
    root: Path,
) -> None:
    found = clip_set(root)
    files_of(root, "train-003")[0].write_bytes(b"bad")
    cache = make(found, allow_missing=True)
    with pytest.raises(DataError, match="1 clips of fake cannot be decoded"):
        make(found)
    assert open_cache(cache).complete


def test_a_complete_cache_that_is_being_brought_up_to_date_is_not_complete(root: Path) -> None:
    found = clip_set(root)
    cache = make(found)
    files_of(root, "train-003")[0].write_bytes(b"bad")
    with pytest.raises(DataError, match="1 clips of fake cannot be decoded"):
        make(found)
    assert not open_cache(cache).complete


def test_a_mended_file_is_decoded_and_no_longer_absent(root: Path, log: Path) -> None:
    found = clip_set(root, log=log)
    files_of(root, "train-003")[0].write_bytes(b"bad")
    cache = make(found, allow_missing=True)
    decoded(log)
    files_of(root, "train-003")[0].write_bytes(b"ok again")
    assert find_cache(found, "auto", found.modalities)[0] is None
    make(found)
    assert set(decoded(log)) == {"train-003"}
    assert not open_cache(cache).absent
    assert holds_what_decoding_gives(found)


def test_clips_missing_from_the_start_are_recorded(root: Path) -> None:
    fault = Fault("train-900", root / "sound" / "train-900.bin", "missing", "no such file")
    found = replace(clip_set(root), faults=(fault,))
    with pytest.raises(DataError, match="1 clips of fake cannot be used: train-900"):
        make(found)
    cache = make(found, allow_missing=True)
    assert zarr.open_group(cache, mode="r").attrs["missing"] == {"train-900": "no such file"}
    assert load_clips(found, ClipOptions(allow_missing=True)).info["read from"] == str(cache)


def test_a_name_for_two_clips_is_refused(root: Path) -> None:
    found = clip_set(root)
    double = replace(found.splits["val"][0], id="train-000")
    found = replace(found, splits={**found.splits, "val": (double, *found.splits["val"][1:])})
    with pytest.raises(
        DataError, match="the name 'train-000' stands for two clips with different files"
    ):
        make(found)


def test_a_clip_in_two_splits_is_decoded_once(root: Path, log: Path) -> None:
    found = clip_set(root, log=log)
    found = replace(found, splits={**found.splits, "val": found.splits["train"][:6]})
    make(found)
    assert set(decoded(log).values()) == {1}
    assert holds_what_decoding_gives(found)


@pytest.mark.parametrize("broken", [{"shape": (5,)}, {"shape": (1, 1, 1)}])
def test_a_decoder_that_breaks_its_promise_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, broken: dict[str, tuple[int, ...]]
) -> None:
    """Both shapes would be broadcast into the rows."""
    found = clip_set(root)
    promised = found.modalities["audio"].decoder
    liar = ByteDecoder(broken["shape"], promised.dtype)
    decode = liar.decode
    monkeypatch.setattr(ByteDecoder, "decode", lambda self, source, clip: decode(source, clip))
    found = replace(
        found,
        modalities={"audio": Modality(promised, promised.shape, found.modalities["audio"].view)},
    )
    with pytest.raises(DataError, match=r"audio is .* expected \(1, 5, 7\)"):
        make(found)


def test_progress_counts_up_to_all(root: Path) -> None:
    found, others = clip_set(root), children()
    told: list[tuple[int, int]] = []
    prepare(
        found,
        None,
        workers=2,
        allow_missing=False,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[0] == (0, 38) and told[-1] == (38, 38)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert children() <= others
