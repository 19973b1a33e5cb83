"""An evaluation in words: the numbers that it has, in the list of a terminal and in that of the dashboard."""

from __future__ import annotations

from typing import Any

import pytest

from asgml.app.event_text import sentence
from asgml.storage.format.events import Event
from asgml.tui.scene.event_text import _words

CLASSES = {"split": "test", "accuracy": 0.75, "loss": 1.25, "own_accuracy": {"audio": 0.5}}
SCORES = {"mae": 0.5, "corr": 0.25, "f1": 0.75, "accuracy_7": 0.5}


@pytest.mark.parametrize(("fields", "scores"), [(CLASSES, 0), ({**CLASSES, **SCORES}, 4)])
def test_an_evaluation_tells_the_scores_that_it_has(fields: dict[str, Any], scores: int) -> None:
    event = Event("evaluation", 7, 0.0, 0.0, 0, fields)
    assert sentence(event) == "evaluation of test: " + ", ".join(
        ["accuracy 0.75", "loss 1.25", "mae 0.5", "corr 0.25", "f1 0.75", "accuracy 7 0.5"][
            : 2 + scores
        ]
    )
    kind, words, _ = _words(event, None)
    assert (
        kind == "EVAL"
        and words.startswith("test  accuracy 0.750  loss 1.25")
        and words.count("  ") == 2 + scores
    )
