"""What to do about a run in each state: one table for every command and screen that tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asgml.storage.format.events import Event
from asgml.storage.format.manifest import Manifest

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

GONE = "gone"
"""In place of a state: the run's folder is not there any more."""


@dataclass(frozen=True)
class RunFacts:
    """What decides about the remedy beside the state.

    `begun`: a trainer has opened the store. `external`: the training loop is not the program's own.
    `fork_at`: the step of the last sound checkpoint of a diverged run. `lr`: 0 where unknown.
    """

    name: str
    begun: bool = True
    external: bool = False
    fork_at: int | None = None
    lr: float = 0.0


def facts_of(name: str, manifest: Manifest | None, fork_at: int | None = None) -> RunFacts:
    """Return the facts of a run as it is recorded."""
    if manifest is None:
        return RunFacts(name, begun=False)
    section = manifest.config.get("optimizer")
    lr = section.get("lr") if isinstance(section, dict) else None
    known = float(lr) if isinstance(lr, int | float) and not isinstance(lr, bool) else 0.0
    return RunFacts(name, True, "batch_size" not in manifest.config, fork_at, known)


def sound_step(events: Iterable[Event]) -> int | None:
    """Return the step of the last sound checkpoint as a diverged run names it, None without one."""
    named = [event.get("checkpoint") for event in events if event.kind == "diverged"]
    return named[-1] if named and type(named[-1]) is int else None


def remedy(state: str, run: RunFacts) -> str:
    """Return what to do about a run in this state, as a clause; "" where there is nothing."""
    return _REMEDIES[state](run) if state in _REMEDIES else ""


def remedy_of(run: Run, state: str | None = None) -> str:
    """Return the remedy for a run, in its present state by default."""
    facts = facts_of(run.paths.name, run.manifest, sound_step(run.events))
    return remedy(run.state() if state is None else state, facts)


def _resume(run: RunFacts) -> str:
    if run.external:
        return "start its own program again, with resume=True, to go on"
    if not run.begun:
        return f"the reason is in trainer.log; once mended, `asgml resume {run.name}` starts it"
    return f"`asgml resume {run.name}` goes on from the last checkpoint"


def _finished(run: RunFacts) -> str:
    more = "" if run.external else f", `asgml resume {run.name} --epochs N` trains on"
    return f"`asgml replay {run.name}` plays it{more}"


def _diverged(run: RunFacts) -> str:
    if run.external:
        return "start its own program again from its last sound checkpoint, with a lower rate"
    lower = f"{run.lr / 10:g}" if run.lr > 0 else "LR"
    at = run.fork_at or 0
    return f"`asgml fork {run.name} --at {at} --set optimizer.lr={lower}` goes on with a lower rate"


def _living(run: RunFacts) -> str:
    return f"`asgml watch {run.name}` shows it"


_REMEDIES: dict[str, Callable[[RunFacts], str]] = {
    "starting": lambda run: f"`asgml watch {run.name}` shows it as soon as it is up",
    "running": _living,
    "paused": _living,
    "stopping": _living,
    "finished": _finished,
    "stopped": _resume,
    "failed": _resume,
    "crashed": _resume,
    "diverged": _diverged,
    "stale": lambda run: f"if its trainer is dead, {_resume(run)}",
    GONE: lambda run: "its folder is gone; `asgml runs` lists the runs that are there",
}
