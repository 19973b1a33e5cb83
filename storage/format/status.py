"""The states of a run, and the head record: the one commit mark that publishes rows and texts."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from asgml.storage.format.metrics import TABLES

HEAD_SLOTS = 32
HEAD_KEY = "head/c/0"
"""The head's place in the store: 256 bytes that change with whatever is published."""
TEXTS = ("events", "log")
_FIXED = ("seq", "heartbeat", "state", "pid", "process_start", "segment", "step", "epoch")

ALIVE = frozenset({"starting", "running", "paused", "stopping"})
"""States with a trainer at work."""
ENDED_WELL = frozenset({"finished", "stopped"})
ENDED_BADLY = frozenset({"failed", "crashed", "diverged"})
ENDED = ENDED_WELL | ENDED_BADLY
"""States without a trainer: nobody answers, and no row follows."""
UNHEARD = frozenset({"starting", "stale"})
"""States without a recent sign of life: none came yet, or none comes any more."""
STATES = ALIVE | ENDED | UNHEARD
"""Every state that a reader gives; `crashed` and `stale` are its own conclusions."""


class State(enum.IntEnum):
    """The states that a trainer records of itself."""

    STARTING = 0
    RUNNING = 1
    PAUSED = 2
    STOPPING = 3
    FINISHED = 4
    FAILED = 5
    STOPPED = 6
    DIVERGED = 7
    """The loss or the weights are no finite numbers: nothing more can be learned."""

    @property
    def label(self) -> str:
        return self.name.lower()

    @property
    def ended(self) -> bool:
        return self.label in ENDED


@dataclass(frozen=True)
class Head:
    """One published mark. Heartbeat in unix nanoseconds, `process_start` in unix milliseconds.

    A reader believes `rows[table]` rows and `text_bytes[text]` bytes, and nothing beyond them.
    """

    seq: int
    heartbeat: int
    state: State
    pid: int
    process_start: int
    segment: int
    step: int
    epoch: int
    rows: dict[str, int]
    text_bytes: dict[str, int]

    def to_slots(self) -> list[int]:
        """Return the 32 numbers of the `head` array, -1 where a slot is reserved."""
        fixed = [int(getattr(self, name)) for name in _FIXED]
        counts = [self.rows[table] for table in TABLES] + [self.text_bytes[text] for text in TEXTS]
        used = fixed + counts
        return used + [-1] * (HEAD_SLOTS - len(used))


def head_from_slots(slots: Sequence[int]) -> Head:
    """Return the head of 32 slots. Raise ValueError for numbers that no writer publishes.

    A slot that was never written (-1) counts as 0.
    """
    if min(slots) < -1:
        raise ValueError(f"a slot of the head is {min(slots)}, expected -1 or more")
    numbers = [max(int(slot), 0) for slot in slots]
    fixed = dict(zip(_FIXED, numbers, strict=False))
    after = numbers[len(_FIXED) :]
    rows: dict[str, int] = dict(zip(TABLES, after, strict=False))
    text_bytes = dict(zip(TEXTS, after[len(TABLES) :], strict=False))
    state = State(fixed.pop("state"))
    return Head(state=state, rows=rows, text_bytes=text_bytes, **fixed)
