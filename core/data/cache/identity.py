"""What makes a cached clip the same as decoding its files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asgml.core.data.base import DataError
from asgml.core.data.clips import Clip, ClipSet, Modality

FOLDER = "asgml-cache"


MISSING = 1  # fingerprint of a source whose file is not there; 0 stands for a clip that is not decoded yet


def cache_path(found: ClipSet, where: Path | None = None) -> Path:
    """Where the cache of this data set lies: `where`, if that ends in .zarr; else in that folder, by default beside the files.

    The name has 8 digits of the decoding settings and of the folders, so caches of several lie side by side.
    """
    if where is not None and where.suffix == ".zarr":
        return where
    told = json.dumps([settings_of(found.modalities), dict(found.apart)], sort_keys=True)
    digest = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
    return (where or found.root / FOLDER) / f"{found.name}-{digest[:8]}.zarr"


def settings_of(modalities: Mapping[str, Modality]) -> dict[str, Any]:
    """The settings of each decoder as JSON gives them back, so that they can be compared with stored ones."""
    settings: dict[str, Any] = json.loads(
        json.dumps({m: decoder_settings(modality) for m, modality in modalities.items()})
    )
    return settings


def decoder_settings(modality: Modality) -> dict[str, Any]:
    decoder = modality.decoder
    return {
        **decoder.settings,
        "shape": decoder.shape,
        "dtype": str(decoder.dtype).removeprefix("torch."),
    }


def unique_clips(found: ClipSet) -> list[Clip]:
    """The clips of all splits by their names. Raises DataError where a name stands for two different clips."""
    clips: dict[str, Clip] = {}
    for clip in (clip for part in found.splits.values() for clip in part):
        if clips.setdefault(clip.id, clip).sources != clip.sources:
            raise DataError(
                f"{found.name} in {found.root}: the name {clip.id!r} stands for two clips with different files; rename one"
            )
    return [clips[name] for name in sorted(clips)]


def fingerprints(clip: Clip, modalities: Sequence[str], root: Path) -> list[int]:
    """A number for each modality's sources: which part of which files, their sizes and times of change. Reads no content."""
    return [fingerprint(clip, m, f"{os.fspath(root)}/") for m in modalities]


def fingerprint(clip: Clip, modality: str, root: str) -> int:
    source = clip.sources[modality]
    words = [repr((source.start, source.seconds))]
    for path in source.paths:
        name = os.fspath(path)
        try:
            facts = os.stat(name)
        except OSError:
            return MISSING
        words.append(
            f"{name.removeprefix(root)}\0{facts.st_size}\0{facts.st_mtime_ns}"
        )  # so the folder can be moved
    digest = hashlib.blake2b(
        "\0".join(words).encode("utf-8", "surrogateescape"), digest_size=8
    ).digest()
    return max(int.from_bytes(digest, "big") >> 1, MISSING + 1)
