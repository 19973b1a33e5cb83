"""Checks each command before it acts, and a knob's value against its declared range.

The handler in commands.py carries out a command that passes. Any other is refused with the reason,
and has changed nothing.
"""

from __future__ import annotations

from asgml.core.config.live_settings import LiveSettings
from asgml.storage.commands.inbox import KINDS, Request
from asgml.storage.format.knobs import find_knob
from asgml.storage.read.knob_changes import KnobChange

SPLITS = ("val", "test")
"""The splits that `evaluate` may name; the first where it names none."""


class RefusedError(Exception):
    """A request that cannot be granted; the message is the reason."""


def check_command(
    request: Request, *, step: int, paused: bool, live_settings: LiveSettings
) -> None:
    """Check a command that is due at `step`. Raise RefusedError or KnobError with the reason."""
    if request.at_step is not None and request.at_step < step:
        raise RefusedError(f"step {request.at_step} is past: the training is at step {step}")
    if request.kind not in KINDS:
        raise RefusedError(f"unknown command {request.kind!r}")
    if request.kind == "pause" and paused:
        raise RefusedError("the training is paused already")
    if request.kind == "resume" and not paused:
        raise RefusedError("the training is not paused")
    if request.kind == "evaluate" and split_of(request) not in SPLITS:
        raise RefusedError(f"evaluate {split_of(request)!r}: expected {' or '.join(SPLITS)}")
    if request.kind == "set":
        _check_present_value(request, live_settings)
        knob_of(request, live_settings)


def check_last_change(request: Request, last: KnobChange | None) -> None:
    """Check that the last change is the one that a request to undo means, where it names one."""
    if request.undoes is not None and (last is None or last.id != request.undoes):
        now = f"that is {last.knob} = {last.after} by now" if last else "there is none by now"
        raise RefusedError(f"it was to undo the last change, but {now}; look, then ask again")


def knob_of(request: Request, live_settings: LiveSettings) -> str:
    """Return the full name of the knob to set. Raise KnobError for a name or value that cannot be.

    No step changes that: a request that waits for its step is checked so when it arrives.
    """
    knob = find_knob(request.knob or "", live_settings.knobs)
    knob.parse(request.value)
    return knob.name


def split_of(request: Request) -> str:
    """Return the split to evaluate."""
    return str(request.value or SPLITS[0])


def _check_present_value(request: Request, live_settings: LiveSettings) -> None:
    """Raise RefusedError where the knob has not the value `if_value`, KnobError for no knob."""
    knob = find_knob(request.knob or "", live_settings.knobs)
    present = live_settings.values[knob.name]
    if request.if_value is not None and knob.parse(request.if_value) != present:
        raise RefusedError(f"{knob.name} is {present}, not {request.if_value}")
