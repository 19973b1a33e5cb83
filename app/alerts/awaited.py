"""What `asgml wait` waits for: a state, a step, a value of a metric, or an alert."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from asgml.app.errors import UserError
from asgml.app.keys import nearest_of
from asgml.storage.alerts.acknowledged import read_acknowledged
from asgml.storage.alerts.feed import AlertFeed
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.status import ENDED, STATES
from asgml.storage.format.value_text import number

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

Met = dict[str, Any]
"""What was met: `text` for a person, and the facts for a program."""
_COMPARED = re.compile(r"\s*([^\s<>=!]+)\s*(>=|<=|>|<)\s*(\S+)\s*")
_OPERATORS: dict[str, Callable[[Any, float], Any]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
FORMS = "ended, running, another state, step=N, 'METRIC>VALUE', alert or alert=RULE"
_STATES = {
    "ended": ENDED,
    "failed": frozenset({"failed", "crashed", "diverged"}),
    **{state: frozenset({state}) for state in STATES - {"failed"}},
}


class Awaited(Protocol):
    """One condition on a run."""

    def met(self, run: Run) -> Met | None:
        """Return what was met, None while it is not. `run` is up to date."""
        ...


@dataclass
class AwaitedState:
    """The run is in one of these states."""

    states: frozenset[str]

    def met(self, run: Run) -> Met | None:
        state = run.state()
        return {"text": f"the run is {state}"} if state in self.states else None


@dataclass
class AwaitedStep:
    """So many steps are done."""

    step: int

    def met(self, run: Run) -> Met | None:
        done = run.head.step if run.head else 0
        return {"text": f"step {done} is done"} if run.head and done >= self.step else None


@dataclass
class AwaitedValue:
    """A recorded value of a column, or of any column of a metric, compares so with a limit."""

    name: str
    sign: str
    limit: float
    _looked: dict[str, int] = field(default_factory=dict)

    def met(self, run: Run) -> Met | None:
        """As of every condition. Raise UserError where the run has no such column."""
        if run.manifest is None:
            return None
        for table, column in self._columns(run):
            values, first = run.column(table, column), self._looked.get(column, 0)
            first = first if first <= len(values) else 0  # the run was removed and made again
            with np.errstate(invalid="ignore"):
                found = np.flatnonzero(_OPERATORS[self.sign](values[first:], self.limit))
            self._looked[column] = len(values)
            if len(found):
                row = first + int(found[0])
                return self._told(column, values[row], run.column(table, "step")[row])
        return None

    def _told(self, column: str, value: float, step: float) -> Met:
        at = int(step) if math.isfinite(step) else 0
        text = f"{column} is {number(float(value))} at step {at}"
        return {"text": text, "column": column, "value": float(value), "step": at}

    def _columns(self, run: Run) -> list[tuple[str, str]]:
        every = [(str(table), name) for table in TABLES for name in run.columns(table)]
        found = [
            (table, name) for table, name in every if self.name in (name, name.partition("/")[0])
        ]
        if not found:
            near = nearest_of(self.name, list(dict.fromkeys(name for _, name in every)))
            raise UserError(f"--for: {run.paths.name} records no {self.name!r}; {near}")
        return found


@dataclass
class AwaitedAlert:
    """An alert that is not acknowledged: of this rule, or any that is more than a notice."""

    rule: str = ""
    _feed: AlertFeed | None = None

    def met(self, run: Run) -> Met | None:
        self._feed = self._feed or AlertFeed(run.paths)
        alerts = self._feed.poll(0)
        seen = read_acknowledged(run.paths) if alerts else frozenset()
        for alert in alerts:
            meant = alert.rule == self.rule if self.rule else alert.level != "info"
            if meant and alert.id not in seen:
                return {"text": f"{alert.rule}: {alert.message}", "alert": alert.record()}
        return None


def parse_awaited(texts: Iterable[str]) -> dict[str, Awaited]:
    """Return the conditions by their texts. Raise UserError for one that is none."""
    return {text: _parse(text) for text in texts}


def _parse(text: str) -> Awaited:
    if text in _STATES:
        return AwaitedState(_STATES[text])
    key, equals, value = text.partition("=")
    if key == "alert" and (value or not equals):
        return AwaitedAlert(value)
    if key == "step" and value.isascii() and value.isdigit() and len(value) < 16:
        return AwaitedStep(int(value))
    if compared := _COMPARED.fullmatch(text):
        name, sign, limit = compared.groups()
        try:
            if not math.isnan(float(limit)):
                return AwaitedValue(name, sign, float(limit))
        except ValueError:
            pass
    raise UserError(f"--for {text!r:.80}: expected {FORMS}")
