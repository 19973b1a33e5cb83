"""How often a run has read its test split, by the run alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from core_kit import make_trainer, small_config, small_data, train

from asgml.storage.commands.inbox import make_request, send
from asgml.storage.read.summary import summarize
from asgml.storage.read.test_readings import test_readings as readings_of


@pytest.mark.parametrize(
    ("test", "asked", "expected"),
    [
        ("end", 0, 1),
        ("never", 0, 0),
        ("epoch", 0, 3),
        ("end", 2, 3),
        ("never", 1, 1),
    ],
)
def test_every_reading_counts(test: str, asked: int, expected: int, tmp_path: Path) -> None:
    """At epochs, at the end, and for commands; evaluations of other splits are none."""
    trainer = make_trainer(tmp_path / "a", small_data(), small_config(eval={"test": test}))
    steps = range(3, 3 + asked)
    requests: list[Any] = [make_request("evaluate", at_step=5)]
    for step in steps:
        request = make_request("evaluate", at_step=step)
        requests.append(type(request)(**{**vars(request), "value": "test"}))
    for request in requests:
        send(trainer.run.paths.commands, request)
    run = train(trainer)
    assert readings_of(run) == expected
    assert summarize(run)["test_readings"] == expected
