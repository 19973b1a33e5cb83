"""The states of a run and the head record: the one commit mark that publishes rows, events and log lines."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from asgml.storage.format.metrics import TABLES

HEAD_SLOTS = 32
TEXTS = ("events", "log")
_FIXED = ("seq", "heartbeat", "state", "pid", "process_start", "segment", "step", "epoch")


class State(enum.IntEnum):
    """What the trainer last said of itself. `stale` and `crashed` are not among them: those a reader concludes."""

    STARTING = 0
    RUNNING = 1
    PAUSED = 2
    STOPPING = 3
    FINISHED = 4
    FAILED = 5
    STOPPED = 6

    @property
    def ended(self) -> bool:
        return self >= State.FINISHED

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Head:
    """One published mark. Times in unix nanoseconds; `process_start` as psutil gives it, in milliseconds.

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
        fixed = [int(getattr(self, name)) for name in _FIXED]
        counts = [self.rows[table] for table in TABLES] + [self.text_bytes[text] for text in TEXTS]
        used = fixed + counts
        return used + [-1] * (HEAD_SLOTS - len(used))


def head_from_slots(slots: Sequence[int]) -> Head:
    """Reads the 32 slots; a slot that was never written (-1) counts as 0."""
    numbers = [max(int(slot), 0) for slot in slots]
    fixed = dict(zip(_FIXED, numbers, strict=False))
    after = numbers[len(_FIXED) :]
    rows: dict[str, int] = dict(zip(TABLES, after, strict=False))
    text_bytes = dict(zip(TEXTS, after[len(TABLES) :], strict=False))
    state = State(fixed.pop("state"))
    return Head(state=state, rows=rows, text_bytes=text_bytes, **fixed)
