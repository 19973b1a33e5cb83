"""Events: everything in a run besides its numbers, one JSON line each."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = (
    "started",
    "resumed",
    "command",
    "alert",
    "checkpoint",
    "evaluation",
    "phase",
    "finished",
    "stopped",
    "failed",
    "diverged",
    "unreadable",
)
SCORES = ("accuracy", "loss", "mae", "corr", "f1", "accuracy_7")
"""Fields of an evaluation that are numbers over its split; the last four are a regression's."""
ANSWERS = ("applied", "rejected", "expired", "superseded")
MAX_STEP = 1 << 53
"""Bound of steps: beyond it float64, in which tables hold them, rounds them."""
MAX_SEGMENT = 1 << 16
"""Bound of segments: readers go through all that were resumed."""
_SHOWN = 200
"""Characters of an unreadable line that are kept for the user."""


@dataclass(frozen=True)
class Event:
    """One event. `step`: optimizer steps done; `active_time`: seconds of training without pauses.

    An event at step N took place between steps N and N + 1: a value it changes acts from N + 1 on.
    """

    kind: str
    step: int
    wall_time: float
    active_time: float
    segment: int
    fields: dict[str, Any] = field(default_factory=dict)

    def get(self, key: str, default: Any = None) -> Any:
        return self.fields.get(key, default)

    @property
    def about(self) -> int:
        """The step that the event speaks of; an alert may be noticed some steps later."""
        at = self.fields.get("at_step", self.fields.get("at"))
        return at if type(at) is int and 0 <= at <= self.step else self.step

    def to_line(self) -> bytes:
        """Return one line of ASCII JSON with its newline; NaN and infinity become null."""
        record = {
            "kind": self.kind,
            "step": int(self.step),
            "wall_time": float(self.wall_time),
            "active_time": float(self.active_time),
            "segment": int(self.segment),
            "fields": self.fields,
        }
        line = json.dumps(_plain(record), allow_nan=False, separators=(",", ":"))
        return line.encode("ascii") + b"\n"


def event_from_line(line: bytes) -> Event:
    """Return the event of one line; a line that is none gives one of the kind `unreadable`."""
    try:
        record = json.loads(line)
        return _event_from_record(record)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        return _unreadable(line, error)


def _event_from_record(record: Any) -> Event:
    kind, fields = record["kind"], record.get("fields", {})
    if not isinstance(kind, str) or not isinstance(fields, dict):
        raise TypeError("`kind` must be text and `fields` an object")
    step, segment = int(record["step"]), int(record["segment"])
    if abs(step) > MAX_STEP or not 0 <= segment <= MAX_SEGMENT:
        raise ValueError(f"step {step:.6g} of segment {segment:.6g}: no run has so many")
    return Event(
        kind=kind,
        step=step,
        wall_time=_number(record["wall_time"]),
        active_time=_number(record["active_time"]),
        segment=segment,
        fields=fields,
    )


def _unreadable(line: bytes, error: Exception) -> Event:
    shown = line[:_SHOWN].decode("utf-8", errors="replace")
    reason = f"{type(error).__name__}: {error}"[:_SHOWN]
    return Event("unreadable", 0, 0.0, 0.0, 0, {"reason": reason, "line": shown})


def _number(value: Any) -> float:
    return 0.0 if value is None else float(value)


def _plain(value: Any) -> Any:
    """Return `value` as JSON can hold it: no tensor, path or NaN may cost the event."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return _plain_from_scalar(value)


def _plain_from_scalar(value: Any) -> Any:
    """Return a scalar of numpy or torch as a number; anything else as text."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "size", 1) in (1, ()):
        return _plain(item())
    return str(value)
