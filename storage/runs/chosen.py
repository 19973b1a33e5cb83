"""The epoch that validation chose: the first with the best score, as the trainer selects it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

SCORES = {"val_mae": -1.0, "val_accuracy": 1.0}
"""Column of `epochs` that chooses → its sign; a regression has both and chooses by the error."""


def chosen_epoch(run: Run) -> Mapping[str, float]:
    """Return the row of `epochs` at the epoch that validation chose, by column; {} for none.

    Rows that a resume superseded do not count. NaN, where something was not measured, stays.
    """
    columns = run.columns("epochs")
    score = next((name for name in SCORES if name in columns), None)
    if score is None or not run.rows("epochs"):
        return {}
    rows = run.table("epochs")[run.current_rows("epochs")]
    values = SCORES[score] * rows[:, columns.index(score)]
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return {}
    row = rows[known[np.argmax(values[known])]]
    return {name: float(value) for name, value in zip(columns, row, strict=True)}
