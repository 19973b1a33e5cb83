"""Knobs: what a person may change while the training runs, declared by the part that owns each.

A declaration travels in the run's manifest. The dashboard draws a control for it, `asgml ctl` validates and completes
it, the trainer validates it again, the events log every change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Value = float | int | bool | str
Applies = Literal["step", "probe", "epoch"]


class KnobError(ValueError):
    """A name that is no knob, or a value outside the declared range. The message is one line for a person."""


@dataclass(frozen=True)
class Knob:
    """One declared knob. `initial` is its value when the run was created; `applies` says from when a change acts."""

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
        """The part before the last dot: `boost` of `boost.alpha`, "" of `lr`."""
        return self.name.rpartition(".")[0]

    def parse(self, given: object) -> Value:
        """A value of this knob's type inside its range, from text or a number. Raises KnobError that says what was expected."""
        value = self._typed(given)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            self._check_range(value)
        return value

    def range_text(self) -> str:
        """The declared range as a person reads it."""
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
        """`value` moved by `ticks` declared steps, kept inside the range; a bool flips, a choice goes round, a text stays."""
        if self.type == "text":
            return value
        if self.type == "bool":
            return not value if ticks % 2 else value
        if self.type == "choice":
            return self.choices[(self.choices.index(str(value)) + ticks) % len(self.choices)]
        moved = float(value) + ticks * (
            self.step if self.step is not None else self._default_step()
        )
        moved = min(
            max(moved, self.low if self.low is not None else -math.inf),
            self.high if self.high is not None else math.inf,
        )
        return round(moved) if self.type == "int" else float(f"{moved:.10g}")

    def _default_step(self) -> float:
        if self.type == "int":
            return 1
        if self.low is not None and self.high is not None:
            return (self.high - self.low) / 20
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
        if isinstance(given, bool):
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
        kinds = {
            "float": "a number",
            "int": "a whole number",
            "bool": "true or false",
            "choice": "one of",
        }
        return f"{kinds[self.type]}, {self.range_text()}" if self.type != "bool" else kinds["bool"]

    def _check_range(self, value: float) -> None:
        below = self.low is not None and value < self.low
        above = self.high is not None and value > self.high
        if below or above:
            raise KnobError(f"{self.name} = {value:g}: outside its range {self.range_text()}")


def find_knob(word: str, knobs: Sequence[Knob]) -> Knob:
    """The knob that `word` means: its full name, or a bare name where that is unambiguous. `alpha` means the boost's.

    Raises KnobError with the names that exist.
    """
    exact = [knob for knob in knobs if knob.name == word]
    bare = [knob for knob in knobs if knob.name.rpartition(".")[2] == word]
    boost = [knob for knob in bare if knob.owner == "boost"]
    for candidates in (exact, bare, boost):
        if len(candidates) == 1:
            return candidates[0]
    names = ", ".join(knob.name for knob in (bare or knobs))
    raise KnobError(
        f"{word!r} is {'ambiguous' if bare else 'no knob of this run'}; there {'is' if not names else 'are'} {names or 'none'}"
    )


def knob_to_json(knob: Knob) -> dict[str, Any]:
    return asdict(knob)


def knob_from_json(record: dict[str, Any]) -> Knob:
    """Reads a knob from a manifest; keys that a newer format added are passed over."""
    known = {key: record[key] for key in Knob.__dataclass_fields__ if key in record}
    return Knob(**{**known, "choices": tuple(known.get("choices", ()))})


def _to_bool(text: str) -> bool:
    if text.lower() in {"true", "1", "on", "yes"}:
        return True
    if text.lower() in {"false", "0", "off", "no"}:
        return False
    raise ValueError(text)
