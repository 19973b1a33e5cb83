"""Clips in small files of bytes, with decoders that need no library; a comparison of samples."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from asgml.core.data.base import DataError
from asgml.core.data.clips.clips import Clip, ClipSet, Modality, Source

SIZES = {"train": 23, "val": 6, "test": 9}
CLASSES = ("calm", "glad", "cross")


@dataclass(frozen=True)
class ByteDecoder:
    """The files' bytes, repeated to the shape, plus the length of the clip's name.

    So samples depend on the name, as a random choice of frames does. A file that begins with "bad"
    cannot be decoded. `log` gets a line for every decoding.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    settings: dict[str, Any] = field(default_factory=lambda: {"kind": "bytes"})
    log: Path | None = None

    def decode(self, source: Source, clip: str) -> Tensor:
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{clip}\n")
        content = b"".join(self.content(path) for path in source.paths)
        numbers = np.resize(np.frombuffer(content, np.uint8), self.shape)
        return (torch.from_numpy(numbers.copy()) + len(clip) * (content[:4] != b"\0\0\0\0")).to(
            self.dtype
        )

    def content(self, path: Path) -> bytes:
        if not path.exists():
            raise DataError(f"{path}: no such file")
        if (content := path.read_bytes()).startswith(b"bad"):
            raise DataError(f"{path}: not a sound file")
        return content


@dataclass(frozen=True)
class NoisyView:
    """Adds noise in training, which is the same wherever it is drawn."""

    strength: float = 1.0

    def __call__(self, stored: Tensor, generator: Generator | None) -> Tensor:
        seen = stored.float()
        if generator is None:
            return seen
        return seen + self.strength * torch.randn(seen.shape, generator=generator).to(seen.device)


def modalities(log: Path | None = None, **settings: Any) -> dict[str, Modality]:
    decoders = {
        "audio": ByteDecoder((1, 5, 7), torch.float16, {"kind": "bytes", **settings}, log),
        "visual": ByteDecoder((2, 3, 4, 4), torch.uint8),
    }
    return {m: Modality(decoder, decoder.shape, NoisyView()) for m, decoder in decoders.items()}


def make_files(root: Path, sizes: Mapping[str, int] | None = None) -> Path:
    """A sound and two frames for each clip, of bytes that no two clips share."""
    rng = np.random.default_rng(0)
    for name in [name for part in names(sizes).values() for name in part]:
        for path in files_of(root, name):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"ok" + rng.bytes(40))
    return root


def names(sizes: Mapping[str, int] | None = None) -> dict[str, list[str]]:
    return {
        part: [f"{part}-{number:03d}" for number in range(count)]
        for part, count in (sizes or SIZES).items()
    }


def files_of(root: Path, name: str) -> list[Path]:
    return [
        root / "sound" / f"{name}.bin",
        root / "frames" / name / "0.bin",
        root / "frames" / name / "1.bin",
    ]


def clip_set(
    root: Path, sizes: Mapping[str, int] | None = None, log: Path | None = None, **settings: Any
) -> ClipSet:
    splits = {
        part: tuple(make_clip(root, name, i) for i, name in enumerate(some))
        for part, some in names(sizes).items()
    }
    return ClipSet("fake", root, CLASSES, splits, modalities(log, **settings))


def make_clip(root: Path, name: str, number: int) -> Clip:
    sound, *frames = files_of(root, name)
    return Clip(
        name, number % len(CLASSES), {"audio": Source((sound,)), "visual": Source(tuple(frames))}
    )


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return list(one) == list(other) and all(
        one[m].dtype == other[m].dtype and torch.equal(one[m], other[m]) for m in one
    )


def children() -> set[int]:
    """Ids of the processes that this one has started and that still run."""
    listed = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return {int(word) for word in listed.read_text().split()}
