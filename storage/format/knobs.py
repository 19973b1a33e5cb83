"""Knobs: settings that may change while the training runs, each declared by its owner.

A declaration travels in the run's manifest: the dashboard draws a control for it, `asgml ctl` and
the trainer validate values by it (`Knob.parse`), the events log every change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Value = float | int | bool | str
Applies = Literal["step", "probe", "epoch"]


class KnobError(ValueError):
    """A name that is no knob, or a value outside its declared range. The message is one line."""


@dataclass(frozen=True)
class Knob:
    """One declared knob. `initial`: its value when the run began; `applies`: when a change acts."""

    name: str
    type: Literal["float", "int", "bool", "choice", "text"]
    initial: Value
    help: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    applies: Applies = "step"

    @property
    def owner(self) -> str:
        """Everything before the last dot: `boost` of `boost.alpha`, "" of `lr`."""
        return self.name.rpartition(".")[0]

    def parse(self, given: object) -> Value:
        """Return text or a number as a value of this knob's type.

        Raise KnobError that names what was expected for another type or a value out of range.
        """
        value = self._typed(given)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            self._check_range(value)
        return value

    def range_text(self) -> str:
        """Return the declared range as text: `0 … 1.5`, `ogm | ogm_ge`."""
        if self.type == "bool":
            return "true or false"
        if self.type == "choice":
            return " | ".join(self.choices)
        if self.type == "text":
            return "text"
        low = "-∞" if self.low is None else f"{self.low:g}"
        high = "∞" if self.high is None else f"{self.high:g}"
        return f"{low} … {high}"

    def nudged(self, value: Value, ticks: int) -> Value:
        """Return `value` moved by `ticks` declared steps, kept inside the range.

        A bool flips with each tick, a choice goes round, a text stays.
        """
        if self.type == "text":
            return value
        if self.type == "bool":
            return not value if ticks % 2 else value
        if self.type == "choice":
            return self.choices[(self.choices.index(str(value)) + ticks) % len(self.choices)]
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        step = self._default_step() if self.step is None else self.step
        moved = min(max(float(value) + ticks * step, low), high)
        # ten digits drop what adding 0.1 many times leaves behind: 0.30000000000000004
        return round(moved) if self.type == "int" else float(f"{moved:.10g}")

    def _default_step(self) -> float:
        if self.type == "int":
            return 1
        if self.low is not None and self.high is not None:
            return (self.high - self.low) / 20  # twenty ticks from end to end
        return 0.1

    def _typed(self, given: object) -> Value:
        text = str(given).strip()
        try:
            return self._convert(given, text)
        except ValueError:
            raise KnobError(f"{self.name} = {text!r}: expected {self._type_text()}") from None

    def _convert(self, given: object, text: str) -> Value:
        if self.type == "text":
            return text
        if self.type == "bool":
            return _to_bool(text)
        if isinstance(given, bool):  # float("True") fails too, but a choice may be named True
            raise ValueError(text)
        if self.type == "choice":
            if text not in self.choices:
                raise ValueError(text)
            return text
        number = float(text)
        if not math.isfinite(number) or (self.type == "int" and number != int(number)):
            raise ValueError(text)
        return int(number) if self.type == "int" else number

    def _type_text(self) -> str:
        if self.type == "bool":
            return "true or false"
        kinds = {"float": "a number", "int": "a whole number", "choice": "one of"}
        return f"{kinds[self.type]}, {self.range_text()}"

    def _check_range(self, value: float) -> None:
        below = self.low is not None and value < self.low
        above = self.high is not None and value > self.high
        if below or above:
            raise KnobError(f"{self.name} = {value:g}: outside its range {self.range_text()}")


def find_knob(name: str, knobs: Sequence[Knob]) -> Knob:
    """Return the knob of a full name, or of a bare one where that is unambiguous.

    Where several have the bare name, as `alpha`, it means the boost's. Raise KnobError that names
    the knobs that exist.
    """
    exact = [knob for knob in knobs if knob.name == name]
    bare = [knob for knob in knobs if knob.name.rpartition(".")[2] == name]
    boost = [knob for knob in bare if knob.owner == "boost"]
    for candidates in (exact, bare, boost):
        if len(candidates) == 1:
            return candidates[0]
    problem = "ambiguous" if bare else "no knob of this run"
    names = ", ".join(knob.name for knob in (bare or knobs))
    raise KnobError(f"{name!r} is {problem}; there {f'are {names}' if names else 'is none'}")


def knob_to_json(knob: Knob) -> dict[str, Any]:
    return asdict(knob)


def knob_from_json(record: dict[str, Any]) -> Knob:
    """Return the knob of a manifest record; keys that a newer format added are ignored."""
    known = {key: record[key] for key in Knob.__dataclass_fields__ if key in record}
    return Knob(**{**known, "choices": tuple(known.get("choices", ()))})


def _to_bool(text: str) -> bool:
    if text.lower() in {"true", "1", "on", "yes"}:
        return True
    if text.lower() in {"false", "0", "off", "no"}:
        return False
    raise ValueError(text)
