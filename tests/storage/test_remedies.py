"""The table state → remedy: each state has one, and none names a command that would refuse."""

from __future__ import annotations

import pytest
from tiny import tiny_manifest

from asgml.storage.format.events import Event
from asgml.storage.format.status import ALIVE, ENDED, STATES
from asgml.storage.read.remedies import GONE, RunFacts, facts_of, remedy, sound_step

RUN = RunFacts("mine")
OF_A_LOOP = RunFacts("mine", external=True)
UNBORN = RunFacts("mine", begun=False)
DIVERGED = RunFacts("mine", fork_at=40, lr=0.5)

TABLE = {
    "starting": "`asgml watch mine`",
    "running": "`asgml watch mine`",
    "paused": "`asgml watch mine`",
    "stopping": "`asgml watch mine`",
    "finished": "`asgml resume mine --epochs N`",
    "stopped": "`asgml resume mine`",
    "failed": "`asgml resume mine`",
    "crashed": "`asgml resume mine`",
    "diverged": "`asgml fork mine --at 0 --set optimizer.lr=LR`",
    "stale": "if its trainer is dead, `asgml resume mine`",
    GONE: "`asgml runs`",
}


@pytest.mark.parametrize("state", sorted({*STATES, GONE}))
def test_each_state_has_its_remedy(state: str) -> None:
    assert TABLE[state] in remedy(state, RUN)


@pytest.mark.parametrize("state", sorted({*STATES, GONE} - {"stopped", "failed", "crashed"}))
def test_a_bare_resume_is_told_only_where_it_would_go_on(state: str) -> None:
    told = remedy(state, RUN)
    assert "`asgml resume mine`" not in told or told.startswith("if its trainer is dead")


@pytest.mark.parametrize("state", sorted(ENDED))
def test_no_command_of_the_trainer_is_told_for_an_external_loop(state: str) -> None:
    told = remedy(state, OF_A_LOOP)
    assert "asgml resume" not in told and "asgml fork" not in told and told


@pytest.mark.parametrize("state", sorted(ENDED | ALIVE))
def test_no_checkpoint_is_told_of_where_the_store_was_never_opened(state: str) -> None:
    assert "checkpoint" not in remedy(state, UNBORN)


def test_a_diverged_run_is_forked_before_it_diverged_with_a_tenth_of_its_rate() -> None:
    assert "`asgml fork mine --at 40 --set optimizer.lr=0.05`" in remedy("diverged", DIVERGED)


def test_facts_come_from_the_manifest_and_the_last_divergence() -> None:
    ends = [
        Event("diverged", 9, 1.0, 1.0, 0, {"checkpoint": 6}),
        Event("diverged", 12, 2.0, 2.0, 1, {"checkpoint": 10}),
    ]
    assert sound_step(ends) == 10 and sound_step([]) is None
    assert sound_step([Event("diverged", 9, 1.0, 1.0, 0, {"checkpoint": "no step"})]) is None
    assert not facts_of("mine", None).begun
    assert facts_of("mine", tiny_manifest("mine")).external


def test_a_state_that_is_not_known_has_no_remedy() -> None:
    assert remedy("melted", RUN) == ""
