"""The conditions of alert rules, each fed the values of one column as they come.

All take constant memory and time a value, so an answer never depends on how values were batched.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Protocol

from asgml.storage.alerts.rules import Rule
from asgml.storage.format.metrics import Better
from asgml.storage.format.value_text import number

BLOCK = 32
"""Values of a block, the median of which is a candidate for the usual time of a step."""


class Condition(Protocol):
    """One rule on one column."""

    def holds(self, value: float) -> bool:
        """Take the next value, any but NaN (`NotFinite` takes NaN too), and return the answer."""
        ...

    def text(self, column: str, value: float, rows: str) -> str:
        """Return what is wrong at this value; `rows` names what the values are of: steps."""
        ...


class NotFinite:
    """A value that is NaN or infinite. Told once: it stays true from then on."""

    def __init__(self) -> None:
        self._met = False

    def holds(self, value: float) -> bool:
        self._met = self._met or not math.isfinite(value)
        return self._met

    def text(self, column: str, value: float, rows: str) -> str:
        return f"{column} is {value}"


class Threshold:
    """A value above or below a limit, so many times in a row."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._count = 0

    def holds(self, value: float) -> bool:
        rule = self._rule
        beyond = value > rule.above if rule.above is not None else value < (rule.below or 0.0)
        self._count = self._count + 1 if beyond else 0
        return self._count >= rule.for_steps

    def text(self, column: str, value: float, rows: str) -> str:
        above = self._rule.above is not None
        limit = self._rule.above if above else self._rule.below
        side = f"{'above' if above else 'below'} {limit:g}"
        many = f" for {self._rule.for_steps} {rows}" if self._rule.for_steps > 1 else ""
        return f"{column} is {number(value)}, {side}{many}"


class Plateau:
    """A best value that was not improved by more than `min_change` in so many values."""

    def __init__(self, rule: Rule, sign: int) -> None:
        """`sign` is 1 where high is better, -1 where low is."""
        self._rule, self._sign = rule, sign
        self._best = -math.inf
        self._since = 0

    def holds(self, value: float) -> bool:
        score = self._sign * value
        better = score > self._best + self._rule.min_change
        if better:
            self._best = score
        self._since = 0 if better else self._since + 1
        return self._since >= self._rule.for_steps

    def text(self, column: str, value: float, rows: str) -> str:
        best = number(self._sign * self._best)
        return f"{column} has not improved on {best} for {self._rule.for_steps} {rows}"


class Diverging:
    """A moving average that is `factor` times worse than its best, so many times in a row.

    The average weighs the newest value 1/smooth, or 1/n where only n < smooth values came; the best
    counts from the value number `smooth` on. Values of 0 or below are no ratio: the rule waits.
    """

    def __init__(self, rule: Rule, sign: int) -> None:
        self._rule, self._sign = rule, sign
        self._average = 0.0
        self._best = math.nan
        self._seen = 0
        self._count = 0

    def holds(self, value: float) -> bool:
        if math.isinf(value):
            self._count += self._sign * value < 0
            return self._count >= self._rule.for_steps
        self._seen += 1
        self._average += (value - self._average) / min(self._seen, self._rule.smooth)
        if self._seen >= self._rule.smooth:
            self._compare()
        return self._count >= self._rule.for_steps

    def _compare(self) -> None:
        average, sign = self._average, self._sign
        if not sign * average <= sign * self._best:  # also while there is no best
            self._best = average
        good, bad = (self._best, average) if sign > 0 else (average, self._best)
        self._count = self._count + 1 if 0 < self._rule.factor * bad < good else 0

    def text(self, column: str, value: float, rows: str) -> str:
        average, best = number(self._average), number(self._best)
        return f"{column} diverges: {average} on average, its best was {best}"


class Slow:
    """Steps that take longer than a usual one over 1 - `drop`, so many in a row.

    The usual time is the least median of a whole block of steps so far, so a first slow block or
    a pause does no harm.
    """

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._block: list[float] = []
        self._usual = math.inf
        self._count = 0

    def holds(self, value: float) -> bool:
        slow = value * (1 - self._rule.drop) > self._usual
        self._count = self._count + 1 if slow else 0
        self._block.append(value)
        if len(self._block) == BLOCK:
            self._usual = min(self._usual, statistics.median(self._block))
            self._block.clear()
        return self._count >= self._rule.for_steps

    def text(self, column: str, value: float, rows: str) -> str:
        usual = number(self._usual)
        return f"a step takes {number(value)} s, a usual one {usual} s"


def make_condition(rule: Rule, better: Better) -> Condition:
    """Return the condition of a rule on a column of a metric whose better end is known."""
    sign = 1 if better == "high" else -1
    kinds: dict[str, Callable[[], Condition]] = {
        "nan": NotFinite,
        "threshold": lambda: Threshold(rule),
        "probe_gap": lambda: Threshold(rule),
        "plateau": lambda: Plateau(rule, sign),
        "diverging": lambda: Diverging(rule, sign),
        "throughput": lambda: Slow(rule),
    }
    return kinds[rule.kind]()
