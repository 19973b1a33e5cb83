"""A schedule: knob changes that a training makes by itself, each at its step, in a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.storage.format import typed
from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.events import MAX_STEP
from asgml.storage.format.knobs import Knob, KnobError, Value, find_knob
from asgml.storage.format.user_path import why

MOST = 100_000
"""Most changes of a schedule."""
_KEYS = ("step", "knob", "value")


@dataclass(frozen=True)
class Intervention:
    """A knob change, made after `step` optimizer steps."""

    step: int
    knob: str
    value: Value


@dataclass(frozen=True)
class Schedule:
    """Interventions in the order of their steps. `source` names the run or file they came from."""

    source: str
    interventions: Sequence[Intervention] = ()

    def to_tree(self) -> dict[str, Any]:
        """Return the content of its TOML file."""
        changes = [vars(each) for each in self.interventions]
        return {"source": self.source, **({"set": changes} if changes else {})}


def read_schedule(path: Path) -> Schedule:
    """Return the schedule in a file. Raise FormatError for none, OSError where it is not there."""
    try:
        tree = tomllib.loads(read_bounded(path).decode())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path.name} is no TOML ({why(error)})") from None
    changes = tree.get("set", [])
    unknown = [key for key in tree if key not in ("source", "set")]
    if unknown or not isinstance(changes, list) or len(changes) > MOST:
        raise FormatError(
            f"{path.name}: expected `source` and at most {MOST} tables [[set]] with "
            f"{', '.join(_KEYS)}" + (f", not {unknown[0]!r:.60}" if unknown else "")
        )
    found = [_intervention(record, f"{path.name}: [[set]]") for record in changes]
    # a stable sort: two changes at one step keep their order
    return Schedule(str(tree.get("source", path.name)), sorted(found, key=lambda each: each.step))


def checked(schedule: Schedule, knobs: Sequence[Knob]) -> Schedule:
    """Return the schedule with full names of knobs and values of their types.

    Raise KnobError for a name that is no knob of the run, or a value outside its range.
    """
    return Schedule(schedule.source, [_checked(each, knobs) for each in schedule.interventions])


def _checked(given: Intervention, knobs: Sequence[Knob]) -> Intervention:
    try:
        knob = find_knob(given.knob, knobs)
        return Intervention(given.step, knob.name, knob.parse(given.value))
    except KnobError as error:
        raise KnobError(f"schedule, step {given.step}: {error}") from None


def _intervention(record: Any, what: str) -> Intervention:
    checks = {"step": _is_step, "knob": typed.is_text, "value": typed.is_value}
    typed.refuse_other_types(record, checks, _KEYS, what)
    if unknown := [key for key in record if key not in _KEYS]:
        raise FormatError(f"{what}: unknown key {unknown[0]!r:.60}; expected {', '.join(_KEYS)}")
    return Intervention(record["step"], record["knob"], record["value"])


def _is_step(value: Any) -> bool:
    return typed.is_count(value) and value <= MAX_STEP
