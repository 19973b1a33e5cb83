"""A small correct set of arrays, and ways to write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SAMPLES = 60


def correct() -> dict[str, Any]:
    """Two modalities, three classes, all three splits."""
    rng = np.random.default_rng(0)
    label = np.arange(SAMPLES) % 3
    part = np.arange(SAMPLES) // 3 % 5
    return {
        "label": label,
        "split": np.where(part == 0, "test", np.where(part == 1, "val", "train")),
        "classes": np.array(["calm", "glad", "cross"]),
        "audio": rng.normal(5.0, 3.0, (SAMPLES, 4, 6)).astype("float32"),
        "image": rng.integers(0, 256, (SAMPLES, 2, 8, 8)).astype("uint8"),
    }


def write_npz(folder: Path, arrays: dict[str, Any]) -> str:
    path = folder / "mine.npz"
    np.savez_compressed(path, **arrays)
    return str(path)


def write_zarr(folder: Path, arrays: dict[str, Any]) -> str:
    import zarr

    path = folder / "mine.zarr"
    group = zarr.create_group(path)
    for name, values in arrays.items():
        if values.dtype.kind == "U":
            text = group.create_array(name, shape=values.shape, dtype=str)
            text[...] = values.astype(object)
        else:
            group.create_array(name, data=values)
    return str(path)
