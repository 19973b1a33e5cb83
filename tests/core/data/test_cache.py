"""The prepared cache gives what decoding gives, and is not read where it cannot be trusted."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr
from clip_kit import clip_set, files_of, make_clip, make_files, names, same, silent

from asgml.core.data.base import DataError, Dataset, Split
from asgml.core.data.cache import zarr_arrays
from asgml.core.data.cache.array_reader import PlainReader, ZarrReader, open_reader
from asgml.core.data.cache.clip_cache import CachedRows
from asgml.core.data.cache.identity import cache_path
from asgml.core.data.cache.prepare import prepare
from asgml.core.data.clips.clip_options import ClipOptions
from asgml.core.data.clips.clips import ClipSet
from asgml.core.data.datasets.clip_dataset import load_clips
from asgml.core.data.loading import gpu_residency
from asgml.core.data.loading.batches import Batches, in_order
from asgml.core.data.loading.gpu_residency import fits, move_split, stored_bytes

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zarr_arrays, "CHUNK_CLIPS", 4)


@pytest.fixture
def found(tmp_path: Path) -> ClipSet:
    return clip_set(make_files(tmp_path / "root"))


@pytest.fixture
def cache(found: ClipSet) -> Path:
    return make(found)


def make(found: ClipSet, where: Path | None = None, *, allow_missing: bool = False) -> Path:
    return prepare(found, where, workers=0, allow_missing=allow_missing, progress=silent)


def from_files(found: ClipSet, workers: int = 0) -> Dataset:
    return load_clips(found, ClipOptions(cache="off", workers=workers))


def read_from(found: ClipSet, wish: str = "auto") -> tuple[str, str]:
    info = load_clips(found, ClipOptions(cache=wish, workers=0)).info
    return info["read from"], info.get("cache", "")


# What is read


@pytest.mark.parametrize("seed", range(5))
def test_it_gives_the_bits_that_decoding_gives_in_any_order(
    found: ClipSet, cache: Path, seed: int
) -> None:
    data, truth = load_clips(found, ClipOptions()), from_files(found)
    rng = np.random.default_rng(seed)
    for part, split in data.splits.items():
        assert isinstance(split.rows, CachedRows)
        numbers = rng.integers(0, len(split), 17).tolist()  # some twice
        assert same(split.rows.read(numbers), truth.splits[part].rows.read(numbers))
        assert torch.equal(split.labels, truth.splits[part].labels)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_any_number_of_workers_prepares_the_same_bytes(
    found: ClipSet, cache: Path, tmp_path: Path, workers: int
) -> None:
    other = prepare(
        found, tmp_path / "other.zarr", workers=workers, allow_missing=False, progress=silent
    )
    chunks = [path.relative_to(cache) for path in cache.rglob("c.*")]
    assert len(chunks) > 10
    assert all((other / chunk).read_bytes() == (cache / chunk).read_bytes() for chunk in chunks)


@pytest.mark.parametrize("array", ["audio", "visual"])
def test_any_zarr_reader_gives_the_same_numbers(found: ClipSet, cache: Path, array: str) -> None:
    group = zarr.open_group(cache, mode="r")
    where = {name: row for row, name in enumerate(group["id"][...].tolist())}
    assert sorted(where) == sorted(name for part in names().values() for name in part)
    for part, split in from_files(found).splits.items():
        for number, clip in enumerate(found.splits[part]):
            assert np.array_equal(
                group[array][where[clip.id]], split.rows.read([number])[array][0].numpy()
            )


@pytest.mark.parametrize(
    "layout", [{"compressors": "auto"}, {"chunks": (3, 1, 5, 4)}, {"dtype": ">f2"}, {}]
)
def test_what_is_not_the_layout_is_read_through_zarr(
    tmp_path: Path, layout: dict[str, object]
) -> None:
    """The last is not in the layout either: its chunks lie in folders."""
    values = np.random.default_rng(0).normal(size=(10, 1, 5, 7)).astype("float16")
    settings = {
        "shape": values.shape,
        "dtype": "float16",
        "chunks": (3, 1, 5, 7),
        "compressors": None,
        "filters": None,
    }
    array = zarr.create_group(tmp_path / "g.zarr").create_array("a", **{**settings, **layout})
    array[...] = values
    reader = open_reader(array, tmp_path / "g.zarr" / "a")
    assert isinstance(reader, ZarrReader)
    assert np.array_equal(reader.read([9, 0, 3, 3]), values[[9, 0, 3, 3]])
    assert reader.row_bytes == 70
    assert reader.damaged_chunks() == []


def test_the_arrays_of_a_cache_are_read_as_plain_bytes(found: ClipSet, cache: Path) -> None:
    group = zarr.open_group(cache, mode="r")
    readers = {m: open_reader(group[m], cache / m) for m in ("audio", "visual")}
    for m, reader in readers.items():
        assert isinstance(reader, PlainReader)
        slow = ZarrReader(group[m], cache / m)
        assert np.array_equal(reader.read([37, 0, 5]), slow.read([37, 0, 5]))
        assert reader.row_bytes == slow.row_bytes


@pytest.mark.parametrize(
    "options", [{"frames": 3, "choice": "random"}, {"frames": 2, "audio": "fbank"}]
)
def test_sound_and_pictures_are_stored_as_they_are_decoded(
    tmp_path: Path, options: dict[str, object]
) -> None:
    """The real decoders, prepared and decoded in different processes."""
    from asgml.core.data.datasets.clip_loader import find, load
    from asgml.core.data.synthetic.demo_files import make_demo

    make_demo(tmp_path / "demo", clips=30)
    prepare(
        find(f"cremad:{tmp_path / 'demo'}", options, 0),
        None,
        workers=2,
        allow_missing=False,
        progress=silent,
    )
    sets = [
        load(f"cremad:{tmp_path / 'demo'}", {**options, "cache": wish, "workers": 0}, 0)
        for wish in ("require", "off")
    ]
    for part, split in sets[0].splits.items():
        assert same(
            split.rows.read(range(len(split))), sets[1].splits[part].rows.read(range(len(split)))
        )


def test_no_sample_is_an_empty_batch(found: ClipSet, cache: Path) -> None:
    read = load_clips(found, ClipOptions()).splits["val"].rows.read([])
    assert read["visual"].shape == (0, 2, 3, 4, 4)


# Batches


def epochs(
    split: Split, count: int, state: dict[str, object] | None = None, stop: int | None = None
) -> tuple[list[object], object]:
    """Batches of some epochs, and the state in the middle of the last where it stops there."""
    batches = Batches(split, 5, CPU, seed=3)
    if state:
        batches.load_state_dict(state)
    seen: list[object] = []
    for epoch in range(count):
        batches.begin_epoch()
        for number, batch in enumerate(batches.rest_of_epoch()):
            seen.append((batch.labels, dict(batch.inputs)))
            if stop == number and epoch == count - 1:
                next_state = batches.state_dict()
                return seen, {**next_state, "position": next_state["position"] + 1}
    return seen, batches.state_dict()


def equal(one: list[object], other: list[object]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a[0], b[0]) and same(a[1], b[1]) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_those_of_decoding_with_their_augmentation(
    found: ClipSet, cache: Path, workers: int
) -> None:
    ours, _ = epochs(load_clips(found, ClipOptions()).splits["train"], 2)
    theirs, _ = epochs(from_files(found, workers).splits["train"], 2)
    assert len(ours) == 10
    assert equal(ours, theirs)
    assert not torch.equal(ours[0][1]["audio"], ours[5][1]["audio"])


def test_a_resumed_epoch_goes_on_with_the_same_batches(found: ClipSet, cache: Path) -> None:
    """Begun from files, gone on with from the cache."""
    whole, _ = epochs(load_clips(found, ClipOptions()).splits["train"], 2)
    first, state = epochs(from_files(found, 2).splits["train"], 1, stop=1)
    rest, _ = epochs(load_clips(found, ClipOptions()).splits["train"], 2, state)
    assert (len(first), len(rest)) == (2, 8)
    assert equal([*first, *rest], whole)


def test_evaluation_sees_the_split_in_its_order(found: ClipSet, cache: Path) -> None:
    data, truth = load_clips(found, ClipOptions()), from_files(found, 2)
    pairs = zip(
        in_order(data.splits["test"], 4, CPU), in_order(truth.splits["test"], 4, CPU), strict=True
    )
    assert all(
        same(one.inputs, other.inputs) and torch.equal(one.labels, other.labels)
        for one, other in pairs
    )


# On a GPU


@pytest.mark.parametrize("block", [1, 4, 100])
def test_a_moved_split_gives_the_same_batches(
    found: ClipSet, cache: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """Moved to the CPU here: the blocks and their order are the same for any device."""
    monkeypatch.setattr(gpu_residency, "BLOCK", block)
    split = load_clips(found, ClipOptions()).splits["train"]
    moved = move_split(split, CPU)
    assert moved.rows is None
    assert {m: tensor.dtype for m, tensor in moved.inputs.items()} == {
        "audio": torch.float16,
        "visual": torch.uint8,
    }
    assert same(moved.inputs, split.rows.read(range(len(split))))
    assert equal(epochs(moved, 2)[0], epochs(split, 2)[0])


def test_a_split_moves_where_it_is_a_quarter_of_the_free_memory(
    found: ClipSet, cache: Path
) -> None:
    split = load_clips(found, ClipOptions()).splits["train"]
    size = 23 * (35 * 2 + 96)
    assert stored_bytes(split) == size == stored_bytes(move_split(split, CPU))
    assert (fits(size, 4 * size), fits(size, 4 * size - 1)) == (True, False)


def test_what_is_decoded_from_files_never_moves(found: ClipSet) -> None:
    assert stored_bytes(from_files(found).splits["train"]) is None
    assert not fits(None, 2**60)


def test_a_split_on_another_device_is_read_there(found: ClipSet, cache: Path) -> None:
    """The device "meta" keeps no numbers: this only shows that each tensor goes to it."""
    moved = move_split(load_clips(found, ClipOptions()).splits["val"], torch.device("meta"))
    assert {tensor.device.type for tensor in (*moved.inputs.values(), moved.labels)} == {"meta"}
    assert moved.inputs["visual"].shape == (6, 2, 3, 4, 4)


# Which cache is used


def test_the_run_records_what_was_read(found: ClipSet) -> None:
    assert read_from(found) == ("files", "")
    cache = make(found)
    assert cache.parent == found.root / "asgml-cache"
    assert read_from(found) == read_from(found, "require") == (str(cache), "")
    assert read_from(found, "off") == ("files", "")
    json.dumps(load_clips(found, ClipOptions()).info, allow_nan=False)


def test_a_cache_that_is_not_complete_is_not_read(found: ClipSet, cache: Path) -> None:
    group = zarr.open_group(cache, mode="r+")
    group.update_attributes({"complete": False})
    assert read_from(found) == ("files", f"{cache} is not complete")
    with pytest.raises(
        DataError, match=r"not complete; make it with `asgml data prepare fake:.*root`"
    ):
        read_from(found, "require")


def test_another_setting_is_another_cache(found: ClipSet, cache: Path) -> None:
    other = clip_set(found.root, rate=8000)
    assert read_from(other) == ("files", f"{cache} was made with other settings of audio")
    second = make(other)
    assert second != cache
    assert (read_from(other)[0], read_from(found)[0]) == (str(second), str(cache))


def test_a_cache_serves_whoever_reads_some_of_its_modalities(found: ClipSet, cache: Path) -> None:
    """A run on sound alone does not mind how the frames were decoded."""
    other = clip_set(found.root, rate=8000)
    rows = [
        load_clips(other, ClipOptions(modalities=["visual"], cache=wish)).splits["val"].rows
        for wish in ("require", "off")
    ]
    assert isinstance(rows[0], CachedRows)
    assert same(rows[0].read([0, 3]), rows[1].read([0, 3]))


def test_other_splits_of_the_same_clips_read_the_same_cache(found: ClipSet, cache: Path) -> None:
    train, val = found.splits["train"], found.splits["val"]
    carved = replace(
        found, splits={**found.splits, "train": (*train[5:], *val[:2]), "val": train[:5]}
    )
    data, truth = load_clips(carved, ClipOptions()), from_files(carved)
    assert data.info["read from"] == str(cache)
    for part, split in data.splits.items():
        assert same(
            split.rows.read(range(len(split))), truth.splits[part].rows.read(range(len(split)))
        )


@pytest.mark.parametrize("change", ["content", "time", "gone", "frames", "seconds"])
def test_a_changed_source_is_noticed(found: ClipSet, cache: Path, change: str) -> None:
    sound, *frames = files_of(found.root, "train-004")
    if change == "content":
        sound.write_bytes(b"OK" + sound.read_bytes()[2:])
    elif change == "time":
        os.utime(sound, ns=(1, 1))
    elif change == "gone":
        frames[1].unlink()
    else:
        clip = make_clip(found.root, "train-004", 4)
        source = clip.sources["visual"]
        altered = (
            replace(source, paths=source.paths[::-1])
            if change == "frames"
            else replace(source, seconds=1.0)
        )
        train = [
            replace(clip, sources={**clip.sources, "visual": altered}) if c.id == clip.id else c
            for c in found.splits["train"]
        ]
        found = replace(found, splits={**found.splits, "train": tuple(train)})
    assert read_from(found) == (
        "files",
        f"1 clips ('train-004') are not in {cache} or have changed since",
    )


def test_a_moved_folder_keeps_its_cache(found: ClipSet, cache: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    found.root.rename(moved)
    assert read_from(clip_set(moved))[0] == str(moved / "asgml-cache" / cache.name)


def test_a_cache_at_a_place_of_ones_own(found: ClipSet, tmp_path: Path) -> None:
    folder = make(found, tmp_path / "fast")
    assert folder == cache_path(found, tmp_path / "fast") == tmp_path / "fast" / folder.name
    single = make(found, tmp_path / "one.zarr")
    assert read_from(found) == ("files", "")
    assert read_from(found, str(tmp_path / "fast"))[0] == str(folder)
    assert read_from(found, str(single))[0] == str(single) == str(tmp_path / "one.zarr")
    with pytest.raises(
        DataError,
        match=r"there is none at .*; make it with `asgml data prepare fake:.* --to .*slow`",
    ):
        read_from(found, str(tmp_path / "slow"))


@pytest.mark.parametrize("wish", ["sometimes", "", 3, None])
def test_another_wish_is_an_error(wish: object) -> None:
    with pytest.raises(
        DataError, match=r"option cache is .*; expected one of auto, off, require, a path with a /"
    ):
        ClipOptions(cache=wish)  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", ["cut", "lost", "longer"])
def test_a_damaged_chunk_is_not_read(found: ClipSet, cache: Path, damage: str) -> None:
    chunk = cache / "visual" / "c.2.0.0.0.0"
    content = chunk.read_bytes()
    data = load_clips(found, ClipOptions())
    chunk.unlink() if damage == "lost" else chunk.write_bytes(
        content[:-1] if damage == "cut" else content + b"0"
    )
    assert read_from(found) == ("files", f"{chunk} is missing or damaged")
    if damage != "longer":  # a run that has begun meets it where it reads the last of the chunk
        row = {
            name: row
            for row, name in enumerate(zarr.open_group(cache, mode="r")["id"][...].tolist())
        }
        number = next(n for n, clip in enumerate(found.splits["train"]) if row[clip.id] == 11)
        with pytest.raises(DataError, match=rf"^{chunk} .*asgml data prepare[^\n]*$"):
            data.splits["train"].rows.read([number])


@pytest.mark.parametrize(
    "what",
    ["no group", "text", "another program's", "a later version's", "an array is gone", "shorter"],
)
def test_what_is_no_cache_is_not_read(found: ClipSet, cache: Path, what: str) -> None:
    facts = json.loads((cache / "zarr.json").read_text())
    if what == "no group":
        (cache / "zarr.json").unlink()
    elif what == "text":
        (cache / "zarr.json").write_text("hello")
    elif what == "an array is gone":
        shutil.rmtree(cache / "source")
    elif what == "shorter":
        zarr.open_group(cache, mode="r+")["source"].resize((3, 2))
    else:
        facts["attributes"].update(
            {"format": "other"} if what == "another program's" else {"version": 2}
        )
        (cache / "zarr.json").write_text(json.dumps(facts))
    place, reason = read_from(found)
    assert place == "files"
    assert str(cache) in reason and "\n" not in reason
    with pytest.raises(DataError, match="no cache of fake can be used"):
        read_from(found, "require")
