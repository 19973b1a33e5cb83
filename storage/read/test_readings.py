"""How often a run has looked at its test split: once at the end, where nothing was chosen by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

TESTED = "test_accuracy"


def test_readings(run: Run) -> int:
    """Return the number of times: epochs that were tested, the end among them, and commands.

    Epochs that a resume trained again count too: their test was seen. What other programs read of
    the test split, `asgml ensemble` among them, a run cannot tell.
    """
    tested = run.column("epochs", TESTED) if TESTED in run.columns("epochs") else np.empty(0)
    # the event of the end names the model that it tests, and has a row of `epochs` beside it
    asked = [
        event
        for event in run.events
        if event.kind == "evaluation"
        and event.get("split") == "test"
        and "model" not in event.fields
    ]
    return int(np.isfinite(tested).sum()) + len(asked)
