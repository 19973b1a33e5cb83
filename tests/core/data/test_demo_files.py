"""The generated data set: wav and jpg files in CREMA-D's layout, from which classes are learned."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from loader_kit import fails, put
from PIL import Image

from asgml.core.data.base import SPLITS, DataError, load_data
from asgml.core.data.datasets import cremad
from asgml.core.data.datasets.clip_loader import find
from asgml.core.data.datasets.detect import detect
from asgml.core.data.loading.batches import Batches
from asgml.core.data.media.audio_decoder import AudioDecoder
from asgml.core.data.synthetic.demo_files import (
    EMOTIONS,
    draw_names,
    draw_person,
    draw_voice,
    make_demo,
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "new" / "folder"
    assert make_demo(folder, clips=36, seed=3) == 36
    return folder


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_everything_is_found_and_nothing_is_at_fault(demo: Path) -> None:
    assert detect(demo) == "cremad"
    found = find(f"cremad:{demo}", {}, 0)
    assert not found.faults
    assert found.info["listed"] == {"train": 24, "test": 12}
    for part in ("train", "test"):
        labels = Counter(
            clip.label
            for p in SPLITS
            if (p == part or (part, p) == ("train", "val"))
            for clip in found.splits[p]
        )
        assert set(labels) == set(range(6)) and len(set(labels.values())) == 1


def test_lists_are_as_the_published_ones(demo: Path) -> None:
    for part in ("train", "test"):
        content = (demo / f"{part}.csv").read_bytes()
        assert content.count(b"\r\n") == content.count(b"\n") == content.count(b",")
        assert not content.startswith(b"\xef\xbb\xbf")
    assert (demo / "stat.csv").read_bytes() == b"\xef\xbb\xbf" + "".join(
        f"{emotion}\r\n" for emotion in EMOTIONS
    ).encode()
    assert find(f"cremad:{demo}", {"class_list": "stat.csv"}, 0).classes == EMOTIONS


def test_files_are_sound_and_pictures(demo: Path) -> None:
    for path in sorted((demo / "AudioWAV").iterdir()):
        facts = soundfile.info(path)
        assert (facts.samplerate, facts.channels, facts.subtype) == (
            16000,
            1,
            "PCM_16",
        ) and 2.0 <= facts.duration <= 3.0
        samples, _ = soundfile.read(path)
        assert 0.2 < np.abs(samples).max() < 1.0
        frames = sorted((demo / "Image-01-FPS" / path.stem).iterdir())
        assert [frame.name for frame in frames] == [
            f"{second * 29:05d}.jpg" for second in range(len(frames))
        ]
        assert abs(len(frames) - facts.duration * 29.97 / 29) <= 1
        with Image.open(frames[0]) as image:
            assert (image.size, image.mode, image.format) == ((480, 360), "RGB", "JPEG")


@pytest.mark.parametrize("crop", [224, 96])
def test_the_first_batch(demo: Path, crop: int) -> None:
    data = load_data(f"cremad:{demo}", {"workers": 0, "frames": 2, "crop": crop})
    batches = Batches(data.splits["train"], 8, torch.device("cpu"), 0)
    batches.begin_epoch()
    batch = next(batches.rest_of_epoch())
    assert {m: tuple(x.shape) for m, x in batch.inputs.items()} == {
        "audio": (8, 1, 257, 188),
        "visual": (8, 2, 3, crop, crop),
    }
    assert data.shapes == {"audio": (1, 257, 188), "visual": (2, 3, crop, crop)}
    assert all(x.dtype == torch.float32 and bool(x.isfinite().all()) for x in batch.inputs.values())


def test_files_that_are_missing_or_cut_off_are_told_before_a_training(
    demo: Path, tmp_path: Path
) -> None:
    """All of them at once; with allow_missing their clips alone are left out, and counted."""
    root = tmp_path / "demo"
    shutil.copytree(demo, root, ignore=shutil.ignore_patterns("asgml-cache"))
    whole = load_data(f"cremad:{root}", {"workers": 0}).info["counts"]
    missing, cut = sorted((root / "AudioWAV").iterdir())[:2]
    missing.unlink()
    cut.write_bytes(cut.read_bytes()[:3000])
    with pytest.raises(
        DataError,
        match=rf"2 clips of cremad cannot be used: {missing.stem}: .*no such file; "
        rf"{cut.stem}: .*cut off: 2956 bytes",
    ):
        load_data(f"cremad:{root}", {"workers": 0})
    data = load_data(f"cremad:{root}", {"workers": 0, "allow_missing": True})
    assert (
        data.info["missing"] == 2 and sum(data.info["counts"].values()) == sum(whole.values()) - 2
    )


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_demo(tmp_path / name, clips=30, seed=seed)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a").keys() != digests(tmp_path / "c").keys()


@pytest.mark.parametrize("clips", [30, 31, 120, 6000])
def test_names_are_of_cremad_and_each_is_there_once(clips: int) -> None:
    names = draw_names(clips, np.random.default_rng(0))
    assert len(set(names)) == clips
    for name in names:
        named = cremad.CLIP.fullmatch(name)
        assert named is not None and 1001 <= int(named[1]) <= 1091 and named[2] in EMOTIONS
        assert (named[3] == "XX") == (name[5:8] != "IEO" or named[2] == "NEU")


def test_a_folder_that_is_not_empty_stays_as_it_is(tmp_path: Path) -> None:
    put(tmp_path / "mine.txt", b"mine")
    with fails("is not empty; choose a new folder"):
        make_demo(tmp_path)
    assert digests(tmp_path).keys() == {"mine.txt"}
    with fails("cannot be written"):
        make_demo(tmp_path / "mine.txt")
    with fails("cannot be written"):
        make_demo(tmp_path / "mine.txt" / "below")


@pytest.mark.parametrize("clips", [29, 6001, True, 30.0])
def test_a_number_of_clips_that_cannot_be(tmp_path: Path, clips: int) -> None:
    with fails("expected a whole number from 30 to 6000"):
        make_demo(tmp_path, clips=clips)


def test_the_voice_tells_the_emotion() -> None:
    """Ridge regression on simple statistics of strangers' voices: well above chance, 1/6."""
    rng = np.random.default_rng(0)
    people = [draw_person(rng) for _ in range(12)]
    voices = [draw_voice(emotion, person, 1.5, rng) for person in people for emotion in range(6)]
    audio = torch.stack(
        [AudioDecoder("stft", 3).spectrogram(voice.astype(np.float32), 16000) for voice in voices]
    )
    labels = torch.arange(6).repeat(12)
    seen = torch.cat([audio.mean(2), audio.std(2), audio.diff(dim=2).std(2)], dim=1)
    seen = (seen - seen[:48].mean(0)) / seen[:48].std(0)
    weights = seen[:48].T @ torch.linalg.solve(
        seen[:48] @ seen[:48].T + 100 * torch.eye(48), torch.eye(6)[labels[:48]] - 1 / 6
    )
    right = (seen[48:] @ weights).argmax(1) == labels[48:]
    assert right.float().mean() > 0.4
