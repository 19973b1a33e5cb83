"""A change that a resumed run makes again shows in its knobs, although nobody sent a command."""

from __future__ import annotations

from pathlib import Path

from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Knob
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.read.reader import Run
from asgml.storage.write.writer import RunWriter


def test_a_change_made_again_after_a_resume_counts(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "run")
    knob = Knob("boost.alpha", "float", 0.5, "boost strength", 0, 1.5)
    with RunWriter.create(
        paths, Manifest("run", 1.0, {}, ("audio",), ("one",), knobs=(knob,))
    ) as writer:
        writer.event(Event("started", 0, 1.0, 0.0, 0, {"knobs": {"boost.alpha": 0.5}}))
        changed = {
            "id": "a",
            "command": "set",
            "answer": "applied",
            "knob": "boost.alpha",
            "before": 0.5,
            "after": 1.25,
        }
        writer.event(Event("command", 30, 2.0, 1.0, 0, changed))
    with RunWriter.resume(paths) as writer:
        writer.event(Event("resumed", 20, 3.0, 1.0, 1, {"knobs": {"boost.alpha": 0.5}}))
        again = {
            "message": "boost.alpha 0.5 → 1.25 again",
            "knob": "boost.alpha",
            "before": 0.5,
            "after": 1.25,
        }
        writer.event(Event("phase", 30, 4.0, 2.0, 1, again))
    run = Run.open(paths)
    assert run.knobs_at(step=29)["boost.alpha"] == 0.5
    assert run.knobs_at(step=30)["boost.alpha"] == 1.25
