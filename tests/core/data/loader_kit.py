"""Folders as people have them, with files that need not be decoded, and lists of any content."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from asgml.core.data.base import DataError

EMOTIONS = ("NEU", "HAP", "SAD", "FEA", "DIS", "ANG")


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def clip_names(actors: int, sentences: Iterable[str] = ("IEO", "TIE", "DFA")) -> list[str]:
    return [
        f"{1001 + actor}_{sentence}_{emotion}_XX"
        for actor in range(actors)
        for sentence in sentences
        for emotion in EMOTIONS
    ]


def put_lists(root: Path, train: Iterable[str], test: Iterable[str]) -> None:
    """train.csv and test.csv as the published ones are."""
    for part, names in (("train", train), ("test", test)):
        put(
            root / f"{part}.csv",
            "".join(f"{name},{name.split('_')[2]}\r\n" for name in names).encode(),
        )


def put_clip(root: Path, name: str, images: int = 2, frames: str = "Image-01-FPS") -> None:
    put(root / "AudioWAV" / f"{name}.wav")
    for number in range(images):
        put(root / frames / name / f"{number * 29:05d}.jpg")


def put_cremad(root: Path, actors: int = 6, tested: int = 2) -> list[str]:
    """A whole small set: the last actors' clips are for test. Returns the names."""
    names = clip_names(actors)
    test = [name for name in names if int(name[:4]) >= 1001 + actors - tested]
    put_lists(root, [name for name in names if name not in test], test)
    for name in names:
        put_clip(root, name)
    return names


def fails(match: str) -> pytest.RaisesExc[DataError]:
    """A DataError of one line."""
    return pytest.raises(DataError, match=rf"\A(?=[^\n]*\Z).*{match}")
