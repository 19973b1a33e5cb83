"""Tell an empty cell from a value that is no number: NaN in the store is either of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from asgml.storage.format.metrics import Table

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_DENSE: tuple[Table, ...] = ("steps", "probes")
"""Tables whose every row should hold a value of each column that is measured at all."""
_SELDOM = ("conflict_cosine", "purity_gap")
"""Metrics of these tables that are measured in some of the steps only."""
_LOSS, _ACCURACY = "_loss", "_accuracy"


def is_dense(table: str, column: str) -> bool:
    """Return True where each row should hold a value from the first number on."""
    return table in _DENSE and column.partition("/")[0] not in _SELDOM


def measured_rows(
    table: str, column: str, values: Floats, other: Callable[[str], Floats | None]
) -> Flags:
    """Return True for the rows with a measurement, NaN and infinity among them; shape (rows,).

    `other` gives the values of another column of the same rows, None where there is none. A loss
    of an evaluation was measured wherever its accuracy was, which is a number always.
    """
    if is_dense(table, column):
        return np.logical_or.accumulate(~np.isnan(values))
    measured = ~np.isnan(values)
    beside = accuracy_beside(column) if table == "epochs" else ""
    if beside:
        accuracy = other(beside)
        if accuracy is not None and len(accuracy) == len(values):
            measured |= np.isfinite(accuracy)
    return measured


def accuracy_beside(column: str) -> str:
    """Return the accuracy of the evaluation that a loss is of: val_loss → val_accuracy; "" else."""
    name, slash, modality = column.partition("/")
    if not name.endswith(_LOSS):
        return ""
    return name.removesuffix(_LOSS) + _ACCURACY + slash + modality
