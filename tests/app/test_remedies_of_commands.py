"""What commands tell to do about a run, for each state in which it can have ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_manifest

from asgml.app.errors import exit_code_of
from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter

ENDS = {
    State.FINISHED: ("", 0),
    State.STOPPED: ("`asgml resume one` goes on from the last checkpoint", 0),
    State.FAILED: ("`asgml resume one` goes on from the last checkpoint", 1),
    State.DIVERGED: ("`asgml fork one --at 40 --set optimizer.lr=0.05`", 5),
}
"""State → what `show` tells to do, and the exit code of a command that waited."""


def ended(runs: Path, state: State) -> None:
    """Write the run `one`, which has ended in this state."""
    paths = RunPaths(runs / "one")
    paths.commands.mkdir(parents=True)
    paths.config.write_text('method = "boost"\n')
    config = {"batch_size": 8, "optimizer": {"lr": 0.5}, "data": {"name": "synthetic"}}
    with RunWriter.create(paths, replace(tiny_manifest("one"), config=config)) as writer:
        fields = {"message": "loss is nan at step 44", "at": 44, "checkpoint": 40}
        told = fields if state is State.DIVERGED else {}
        writer.event(Event(state.label, 44, 1000.0, 1.0, 0, told))
        writer.close(state)


@pytest.mark.parametrize("state", ENDS)
def test_show_tail_and_a_taken_name_tell_the_remedy_of_the_state(
    asgml: Callable[..., Any], runs: Path, state: State
) -> None:
    ended(runs, state)
    remedy, code = ENDS[state]
    shown = asgml("show", "one", "--no-charts")
    assert state.label in shown.out and (remedy in shown.out.replace("\n", " ") or not remedy)
    assert ("to do" in shown.out) == bool(remedy)
    tailed = asgml("tail", "one", "--follow")
    assert tailed.code == code == exit_code_of(state.label)
    assert f"one {state.label}" in tailed.err
    assert (remedy in tailed.err) or code == 0
    taken = asgml("train", "--name", "one")
    assert taken.code == 2 and "choose another; " in taken.err
    assert (remedy or "`asgml replay one`") in taken.err
    assert "`asgml resume one`" not in taken.err or "`asgml resume one`" in remedy
