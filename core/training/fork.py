"""A fork: a training that goes on from another run's state, with some settings changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from asgml.core.run import checkpoint
from asgml.core.training.trainer import Trainer
from asgml.storage.format.fork_record import Fork

KNOB_OF = {"optimizer.lr": "lr"}
"""Settings whose knob has another name."""


def load_start(trainer: Trainer, fork: Fork) -> None:
    """Load the checkpoint that a fork begins with, but for what the fork changes.

    A knob that is changed has the fork's value, a method that is new or has other settings begins
    afresh; all else goes on.
    """
    paths, own = trainer.run.paths, trainer.run.live_settings.values
    state = checkpoint.load(checkpoint.start_path(paths.checkpoints, fork.step))
    knobs = {KNOB_OF.get(key, key) for key in fork.changes}
    kept = {k: v for k, v in state["knobs"].items() if k in own and k not in knobs}
    members = trainer.balancing.modulator.state_dict()
    fresh = _fresh(trainer, state["modulator"], fork.changes)
    modulator = {**state["modulator"], **{name: members[name] for name in fresh}}
    trainer.load_state_dict({**state, "knobs": kept, "modulator": modulator})
    trainer.run.changes = {key: dict(change) for key, change in fork.changes.items()}


def _fresh(trainer: Trainer, saved: Mapping[str, Any], changes: Collection[str]) -> list[str]:
    """Return the methods whose saved state is not theirs any more."""
    knobs = {knob.name for knob in trainer.run.live_settings.knobs}
    reset = {key.partition(".")[0] for key in changes if key not in knobs}
    own = trainer.config.modulator if "modulator" in reset else ""
    members = trainer.balancing.modulator.members
    users = [name for name in members if own and name not in trainer.config.method.split("+")]
    return [name for name in members if name not in saved or name in reset or name in users]
