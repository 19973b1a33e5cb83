"""Loaders on real sound, images and videos: a clip that is a part of a file is that part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from loader_kit import clip_names, put, put_lists
from media_kit import chirp, write_video
from PIL import Image
from torch import Tensor

from asgml.core.data.base import Dataset, load_data

RATE = 8000
SMALL = {"workers": 0, "frame_size": [48, 64], "audio": "logmel", "seconds": 4, "augment": "off"}
LABELS = {"b": "Bell", "k": "Bark"}
EVENTS = {"b1": (0, 10), "k1": (3, 7), "k2": (7, 10), "b2": (2, 4), "k3": (0, 1)}


def shade(second: int) -> int:
    """The brightness of everything that is shown in this second."""
    return 20 + 22 * second


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AVE in three kinds of files, all of the same ten seconds."""
    root = tmp_path_factory.mktemp("ave")
    for part, names in (("train", ("b1", "k1", "k2")), ("val", ("b2",)), ("test", ("k3",))):
        rows = ["&".join((LABELS[n[0]], n, "good", *map(str, EVENTS[n]))) for n in names]
        put(root / f"{part}Set.txt", "\n".join(rows).encode())
    wave = chirp(RATE, 10.0)
    for folder in ("audio", "AVE"):
        (root / folder).mkdir()
    for name in EVENTS:
        soundfile.write(root / "audio" / f"{name}.wav", wave, RATE, subtype="FLOAT")
        write_video(
            root / "AVE" / f"{name}.mp4", 100, fps=10, shade=lambda frame: shade(frame // 10)
        )
        for second in range(10):
            path = put(root / "visual" / name / f"frame_{second + 1:05d}.jpg")
            Image.fromarray(np.full((48, 64, 3), shade(second), np.uint8)).save(path, quality=95)
    return root


def read(data: Dataset, part: str, modality: str) -> Tensor:
    split = data.splits[part]
    assert split.rows is not None
    return split.rows.read(range(len(split)))[modality]


@pytest.mark.parametrize("source", ["images", "video"])
@pytest.mark.parametrize("choice", ["first", "uniform"])
def test_frames_of_an_event_show_its_seconds(whole: Path, source: str, choice: str) -> None:
    data = load_data(
        f"ave:{whole}",
        {**SMALL, "modalities": ["visual"], "source": source, "choice": choice, "frames": 2},
    )
    names = {"train": ("b1", "k1", "k2"), "val": ("b2",), "test": ("k3",)}
    for part, clips in names.items():
        for frames, name in zip(read(data, part, "visual"), clips, strict=True):
            start, end = EVENTS[name]
            length = end - start
            there = [0, min(1, length - 1)] if choice == "first" else [length // 4, 3 * length // 4]
            seen = frames.float().mean(dim=(1, 2, 3))
            assert torch.allclose(
                seen, torch.tensor([float(shade(start + second)) for second in there]), atol=5.0
            )


def test_sound_of_an_event_is_that_of_a_file_cut_by_hand(whole: Path, tmp_path: Path) -> None:
    data = load_data(f"ave:{whole}", {**SMALL, "modalities": ["audio"]})
    for part, name in (("val", "b2"), ("test", "k3")):
        start, end = EVENTS[name]
        for other in EVENTS:
            put(tmp_path / "audio" / f"{other}.wav")
            soundfile.write(
                tmp_path / "audio" / f"{other}.wav",
                chirp(RATE, 10.0)[start * RATE : end * RATE],
                RATE,
                subtype="FLOAT",
            )
        by_hand = load_data(
            f"ave:{tmp_path}",
            {**SMALL, "modalities": ["audio"], "segment": "whole", "lists": str(whole)},
        )
        assert torch.equal(read(data, part, "audio"), read(by_hand, part, "audio"))
    assert not torch.equal(read(data, "val", "audio"), read(data, "test", "audio"))


def test_an_event_is_not_the_whole_video(whole: Path) -> None:
    event = load_data(f"ave:{whole}", {**SMALL, "modalities": ["audio"]})
    everything = load_data(f"ave:{whole}", {**SMALL, "modalities": ["audio"], "segment": "whole"})
    assert torch.equal(
        read(event, "train", "audio")[0], read(everything, "train", "audio")[0]
    )  # b1 is all ten seconds
    assert not torch.equal(read(event, "train", "audio")[1], read(everything, "train", "audio")[1])


def test_cremad_straight_from_its_videos(tmp_path: Path) -> None:
    names = clip_names(3, ("IEO", "DFA"))
    put_lists(tmp_path, names[:24], names[24:])
    (tmp_path / "VideoFlash").mkdir()
    for number, name in enumerate(names):
        sound = (chirp(22050, 2.2), 22050, "libmp3lame")
        write_video(
            tmp_path / "VideoFlash" / f"{name}.flv",
            60,
            fps=30,
            codec="flv",
            sound=sound,
            shade=lambda _, n=number: 20 + 6 * n,
        )
    data = load_data(f"cremad:{tmp_path}", {"workers": 0, "frames": 2, "val": 6})
    assert data.info["counts"] == {"train": 18, "val": 6, "test": 12}
    assert tuple(read(data, "test", "audio").shape) == (12, 1, 257, 188)
    seen = read(data, "test", "visual")
    assert tuple(seen.shape) == (12, 2, 3, 240, 320)
    assert torch.allclose(
        seen.float().mean(dim=(1, 2, 3, 4)),
        torch.tensor([20.0 + 6 * n for n in range(24, 36)]),
        atol=6.0,
    )
    assert bool(read(data, "test", "audio").isfinite().all())
