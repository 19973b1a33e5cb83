"""Normalisation to mean 0 and standard deviation 1, by the training split's statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
ROWS_AT_ONCE = 256  # samples, so that float64 sums never need a second copy of the data
# Of a feature's size: float32 sums leave a constant feature with a std near 1e-7 of it.
CONSTANT = 1e-6


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation along `axis` of one sample, over all else."""

    axis: int
    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def as_json(self) -> dict[str, Any]:
        return {"axis": self.axis, "mean": self.mean.tolist(), "std": self.std.tolist()}


def feature_axis(shape: tuple[int, ...]) -> int:
    """Return the axis of a sample with statistics of its own.

    (D): feature; (T, F): bin; (… C, H, W): channel.
    """
    return len(shape) - 3 if len(shape) >= 3 else len(shape) - 1


def fit_statistics(values: Array, train: NDArray[np.intp], unit: float = 1.0) -> Statistics:
    """Return the statistics of `values[train] / unit`.

    A constant feature gets std 1: it becomes 0, not infinity.
    """
    axis = feature_axis(values.shape[1:])
    blocks = [train[start : start + ROWS_AT_ONCE] for start in range(0, len(train), ROWS_AT_ONCE)]
    zero = np.float64(0)
    mean = sum((_sum_over(values, rows, axis, unit) for rows in blocks), zero) / len(train)
    squares = (_sum_over(values, rows, axis, unit, mean) for rows in blocks)
    std = np.sqrt(sum(squares, zero) / len(train))
    varies = std > CONSTANT * (1 + np.abs(mean))
    return Statistics(axis, np.asarray(mean), np.where(varies, std, 1.0))


def standardise(
    values: Array, statistics: Statistics | None, unit: float = 1.0
) -> NDArray[np.float32]:
    """Return a float32 copy of `values / unit`, standardised where statistics are given."""
    scaled = values.astype(np.float32)  # always a copy
    if unit != 1.0:
        scaled /= np.float32(unit)
    if statistics is not None:
        shape = [1] * values.ndim
        shape[statistics.axis + 1] = -1
        scaled -= statistics.mean.reshape(shape).astype(np.float32)
        scaled /= statistics.std.reshape(shape).astype(np.float32)
    return scaled


def _sum_over(
    values: Array, rows: NDArray[np.intp], axis: int, unit: float, mean: Any = None
) -> NDArray[np.float64]:
    """Sum, over `rows`, each sample's mean along the other axes than `axis`.

    Given a mean, the mean squared distance from it instead.
    """
    block = values[rows].astype(np.float64) / unit
    others = tuple(i for i in range(1, block.ndim) if i != axis + 1)
    if mean is not None:
        shape = [1] * block.ndim
        shape[axis + 1] = -1
        block = (block - np.reshape(mean, shape)) ** 2
    return np.asarray(block.mean(axis=others).sum(axis=0), dtype=np.float64)
