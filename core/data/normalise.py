"""Brings inputs to mean 0 and standard deviation 1, by the statistics of the training split alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
ROWS = 256  # samples converted at a time, so that float64 sums never need a second copy of the data


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation along `axis` of one sample; everything else was averaged over."""

    axis: int
    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def as_json(self) -> dict[str, Any]:
        return {"axis": self.axis, "mean": self.mean.tolist(), "std": self.std.tolist()}


def feature_axis(shape: tuple[int, ...]) -> int:
    """The axis of a sample that keeps its own statistics: (D) feature, (T, F) bin, (… C, H, W) channel."""
    return len(shape) - 3 if len(shape) >= 3 else len(shape) - 1


def measure(values: Array, train: NDArray[np.intp], unit: float = 1.0) -> Statistics:
    """Statistics of `values[train] / unit`. A constant feature gets std 1: it becomes 0, not infinity."""
    axis = feature_axis(values.shape[1:])
    mean = sum((_reduce(values, part, axis, unit) for part in _parts(train)), np.float64(0)) / len(
        train
    )
    spread = sum(
        (_reduce(values, part, axis, unit, mean) for part in _parts(train)), np.float64(0)
    ) / len(train)
    std = np.sqrt(spread)
    # float32 sums leave a constant feature with a std near 1e-7 of its size
    return Statistics(axis, np.asarray(mean), np.where(std > 1e-6 * (1 + np.abs(mean)), std, 1.0))


def standardise(
    values: Array, statistics: Statistics | None, unit: float = 1.0
) -> NDArray[np.float32]:
    """A float32 copy of `values / unit`, standardised where statistics are given."""
    done = values.astype(np.float32)  # always a copy
    if unit != 1.0:
        done /= np.float32(unit)
    if statistics is not None:
        shape = [1] * values.ndim
        shape[statistics.axis + 1] = -1
        done -= statistics.mean.reshape(shape).astype(np.float32)
        done /= statistics.std.reshape(shape).astype(np.float32)
    return done


def _parts(rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]


def _reduce(
    values: Array, rows: NDArray[np.intp], axis: int, unit: float, mean: Any = None
) -> NDArray[np.float64]:
    """Sum over `rows` of each sample's mean (or, given a mean, mean squared distance from it) along the other axes."""
    part = values[rows].astype(np.float64) / unit
    others = tuple(i for i in range(1, part.ndim) if i != axis + 1)
    if mean is not None:
        shape = [1] * part.ndim
        shape[axis + 1] = -1
        part = (part - np.reshape(mean, shape)) ** 2
    return np.asarray(part.mean(axis=others).sum(axis=0), dtype=np.float64)
