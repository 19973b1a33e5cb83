"""The values that tuning and sweeps try: ranges and choices of settings, and grids over them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asgml.app.errors import UserError
from asgml.app.keys import flatten, nested
from asgml.app.plans.plan_schema import TuneKey
from asgml.core.config.run_config import ConfigError, RunConfig, make_config

DIGITS = 6
"""Significant digits of a value that is tried, so that tables and files stay readable."""
MOST_STEPS = 1000


@dataclass(frozen=True)
class Space:
    """What is tried for one setting: a range of numbers, whole ones or not, or choices."""

    key: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    whole: bool = False
    choices: tuple[Any, ...] = ()

    def value(self, number: float) -> int | float:
        """Return a number of the range as it is tried: in few digits."""
        if self.whole:
            return round(number)
        return min(max(float(f"{number:.{DIGITS}g}"), self.low), self.high)

    def all_values(self) -> list[Any]:
        """Return all values, none where the range is continuous."""
        if self.choices:
            return list(self.choices)
        step = self.step or (1.0 if self.whole and not self.log else None)
        if step is None:
            return []
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        return [self.value(self.low + number * step) for number in range(count)]

    def spread(self, count: int) -> list[Any]:
        """Return `count` values at equal distances from low to high, in a log range of the log."""
        ends = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        places = [ends[0] + (ends[1] - ends[0]) * i / (count - 1) for i in range(count)]
        values = [self.value(math.exp(place) if self.log else place) for place in places]
        return list(dict.fromkeys(values))

    def text(self) -> str:
        """Return the space as a short text: 0.0001..0.1 log, 0..1 step 0.25, a|b."""
        if self.choices:
            return "|".join(str(choice) for choice in self.choices)
        more = " log" if self.log else f" step {self.step:g}" if self.step else ""
        return f"{self.low:g}..{self.high:g}{more}"


def space_of(key: str, given: TuneKey, where: str) -> Space:
    """Return the space of a setting by its full key. Raise UserError where a value is refused."""
    default = dict(flatten(RunConfig().model_dump())).get(key)
    whole = isinstance(default, int) and not isinstance(default, bool)
    if given.choices:
        space = Space(key, choices=given.choices)
        tried: Sequence[Any] = given.choices
    else:
        assert given.low is not None and given.high is not None
        space = Space(key, given.low, given.high, given.log, given.step, whole)
        tried = (given.low, given.high)
        if isinstance(default, (str, bool)):
            raise UserError(f"{where}: {key} is no number; give choices")
        if given.step and (given.high - given.low) / given.step > MOST_STEPS:
            raise UserError(f"{where}: {key} has more than {MOST_STEPS} steps; give a larger step")
    for value in tried:
        _check(key, value, where)
    return space


def grid(spaces: Sequence[Space], trials: int, where: str) -> list[dict[str, Any]]:
    """Return every combination, at most `trials`; continuous ranges are cut to what they leave.

    Raise UserError where choices and steps alone are more than `trials`.
    """
    fixed = {space.key: space.all_values() for space in spaces}
    ranges = [space for space in spaces if not fixed[space.key]]
    taken = math.prod(len(values) for values in fixed.values() if values)
    each = _root(trials // taken, len(ranges)) if taken <= trials and ranges else 0
    if taken > trials or (ranges and each < 2):
        needed = taken * 2 ** len(ranges)
        raise UserError(
            f"{where}: a grid over {', '.join(space.key for space in spaces)} has {needed} "
            f"combinations or more, and trials = {trials}; give more trials or fewer values"
        )
    values = {key: every or _of(ranges, key).spread(each) for key, every in fixed.items()}
    return [
        dict(zip(values, combination, strict=True))
        for combination in itertools.product(*values.values())
    ]


def _of(spaces: Sequence[Space], key: str) -> Space:
    return next(space for space in spaces if space.key == key)


def _root(number: int, degree: int) -> int:
    """Return the largest whole number whose power is at most `number`."""
    found: int = round(number ** (1 / degree))
    return found if math.pow(found, degree) <= number else found - 1


def _check(key: str, value: Any, where: str) -> None:
    """Raise UserError where a setting cannot have this value, whatever the others are."""
    tree: Mapping[str, Any] = nested({key: value})
    try:
        make_config(tree)
    except ConfigError as error:
        if str(error).startswith(key):
            raise UserError(f"{where}: {error}") from None
