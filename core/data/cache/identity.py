"""The identity of cached clips: decoding settings and a fingerprint of the files they came from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asgml.core.data.clips.clips import Clip, ClipSet, Modality

CACHE_DIR = "asgml-cache"
# Fingerprint of a source whose file is missing; 0 stands for a clip that is not decoded yet.
MISSING = 1


def cache_path(clip_set: ClipSet, target: Path | None = None) -> Path:
    """Return the path of a data set's cache: in the folder `target`, by default beside the files.

    A `target` that ends in .zarr is the cache itself. Else its name has 8 digits of the decoding
    settings and of the folders, so that caches of several lie side by side.
    """
    if target is not None and target.suffix == ".zarr":
        return target
    identity = [settings_of(clip_set.modalities), dict(clip_set.source_choices)]
    text = json.dumps(identity, sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return (target or clip_set.root / CACHE_DIR) / f"{clip_set.name}-{digest[:8]}.zarr"


def settings_of(modalities: Mapping[str, Modality]) -> dict[str, Any]:
    """Return the settings of each decoder as JSON reads them back, to compare with stored ones."""
    settings = {m: decoder_settings(modality) for m, modality in modalities.items()}
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain


def decoder_settings(modality: Modality) -> dict[str, Any]:
    decoder = modality.decoder
    dtype = str(decoder.dtype).removeprefix("torch.")
    return {**decoder.settings, "shape": decoder.shape, "dtype": dtype}


def fingerprints(clip: Clip, modalities: Sequence[str], root: Path) -> list[int]:
    """Return a 63-bit number for each modality of a clip, without reading its files.

    It changes with the interval, and with a file's name below `root`, size or time of change.
    """
    return [fingerprint(clip, m, f"{os.fspath(root)}/") for m in modalities]


def fingerprint(clip: Clip, modality: str, root: str) -> int:
    source = clip.sources[modality]
    fields = [repr((source.start, source.seconds))]
    for path in source.paths:
        name = os.fspath(path)
        try:
            facts = os.stat(name)
        except OSError:
            return MISSING
        # Names below the root, so that the whole folder can be moved.
        fields.append(f"{name.removeprefix(root)}\0{facts.st_size}\0{facts.st_mtime_ns}")
    content = "\0".join(fields).encode("utf-8", "surrogateescape")
    digest = hashlib.blake2b(content, digest_size=8).digest()
    return max(int.from_bytes(digest, "big") >> 1, MISSING + 1)  # fits int64, not a reserved value
