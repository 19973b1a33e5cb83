"""Alert rules: each says what in a run a person wants to be told of, and by which ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asgml.storage.format.safe_text import one_line
from asgml.storage.format.typed import is_names, is_number, is_text, is_whole

WAYS = ("bell", "title", "toast", "hook", "webhook")
"""The ways by which an alert reaches a person: three of the dashboard, two of the watcher."""
LEVELS = ("info", "warning", "error")
MAX_RULES = 64
MAX_NAME = 80
_MOST_STEPS = 1_000_000


class RuleError(ValueError):
    """A rule that cannot be used. The message is one line."""


@dataclass(frozen=True)
class Rule:
    """One rule. `for_steps` counts recorded values of the metric, the newest in a row.

    `metric` names a column, or all columns of a metric; "" is the kind's own choice.
    """

    kind: str
    name: str
    level: str
    notify: tuple[str, ...] = WAYS
    metric: str = ""
    above: float | None = None
    below: float | None = None
    for_steps: int = 1
    for_seconds: float = 300.0
    min_change: float = 0.0
    factor: float = 3.0
    smooth: int = 20
    drop: float = 0.5


@dataclass(frozen=True)
class Kind:
    """A kind of rule: its level, its options with their defaults, and those it cannot do without.

    `metric`: the metric of a rule that names none.
    """

    level: str
    options: Mapping[str, Any]
    required: tuple[str, ...] = ()
    metric: str = ""


KINDS: dict[str, Kind] = {
    "nan": Kind("error", {"metric": ""}),
    "threshold": Kind(
        "warning", {"metric": "", "above": None, "below": None, "for_steps": 1}, ("metric",)
    ),
    "plateau": Kind("warning", {"metric": "", "for_steps": 1, "min_change": 0.0}, ("for_steps",)),
    "diverging": Kind(
        "warning", {"metric": "", "factor": 3.0, "smooth": 20, "for_steps": 1}, metric="loss"
    ),
    "probe_gap": Kind("warning", {"above": 0.2, "for_steps": 3}, metric="utilization_gap"),
    "throughput": Kind("warning", {"drop": 0.5, "for_steps": 20}, metric="step_time"),
    "no_data": Kind("error", {"for_seconds": 300.0}),
    "ended": Kind("info", {}),
    "failed": Kind("error", {}),
    "diverged": Kind("error", {}),
}
"""Every kind of rule. The last four are told by the run's state, the others by its numbers."""
OF_THE_STATE = ("no_data", "ended", "failed", "diverged")
_QUIET = tuple(way for way in WAYS if way != "bell")
_COMMON = ("rule", "name", "level", "notify")


def _default(kind: str) -> Rule:
    notify = _QUIET if kind == "ended" else WAYS
    return Rule(kind, kind, KINDS[kind].level, notify)


DEFAULT_RULES = tuple(_default(kind) for kind in ("nan", *OF_THE_STATE))
"""The rules of every run; a rule of the same kind that a user gives takes its place."""


def parse_rules(tables: object, place: str = "alerts") -> tuple[Rule, ...]:
    """Return the rules of a list of tables. Raise RuleError that names the place of a bad one."""
    if not isinstance(tables, Sequence) or isinstance(tables, (str, bytes)):
        raise RuleError(f"{place} is a list of tables, such as [[alerts]] with rule = 'nan'")
    if len(tables) > MAX_RULES:
        raise RuleError(f"{place} holds {len(tables)} rules, expected at most {MAX_RULES}")
    rules = [_parse(table, f"{place}[{number}]") for number, table in enumerate(tables, 1)]
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise RuleError(f"{place}: two rules are named {name!r}; give one another name")
    return tuple(rules)


def effective_rules(*layers: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the default rules and those of the layers; of one name the last one counts.

    A default goes where any layer has a rule of its kind.
    """
    given = {rule.name: rule for rules in layers for rule in rules}
    kinds = {rule.kind for rule in given.values()}
    return (*(rule for rule in DEFAULT_RULES if rule.kind not in kinds), *given.values())


def _parse(table: object, place: str) -> Rule:
    if not isinstance(table, Mapping):
        raise RuleError(f"{place} is no table, expected one such as {{rule = 'nan'}}")
    kind = table.get("rule")
    if not isinstance(kind, str) or kind not in KINDS:
        raise RuleError(f"{place}: rule = {kind!r:.60}, expected one of {', '.join(KINDS)}")
    _refuse_keys(table, kind, place)
    for key, value in table.items():
        what, check = _CHECKS[key]
        if not check(value):
            raise RuleError(f"{place}: {key} = {value!r:.60}, expected {what}")
    values = {**KINDS[kind].options, **{key: table[key] for key in table if key not in _COMMON}}
    _refuse_together(kind, values, place)
    values["metric"] = values.get("metric") or KINDS[kind].metric
    notify = tuple(table.get("notify", _QUIET if kind == "ended" else WAYS))
    name = table.get("name", _name(kind, values))
    return Rule(kind, name, table.get("level", KINDS[kind].level), notify, **values)


def _refuse_keys(table: Mapping[str, Any], kind: str, place: str) -> None:
    known = (*_COMMON, *KINDS[kind].options)
    for key in table:
        if key not in known:
            raise RuleError(f"{place}: {kind} has no {key!r:.60}; there are {', '.join(known)}")
    for key in KINDS[kind].required:
        if key not in table:
            raise RuleError(f"{place}: {kind} needs {key}")


def _refuse_together(kind: str, values: Mapping[str, Any], place: str) -> None:
    if kind == "threshold" and (values["above"] is None) == (values["below"] is None):
        raise RuleError(f"{place}: threshold needs one of above and below")
    if kind == "plateau" and not values["metric"]:
        raise RuleError(f"{place}: plateau needs metric, such as val_accuracy")


def _name(kind: str, values: Mapping[str, Any]) -> str:
    return " ".join(str(part) for part in (kind, values["metric"]) if part)[:MAX_NAME]


def _is_plain(value: object) -> bool:
    return is_text(value) and 0 < len(str(value)) <= MAX_NAME and one_line(value) == value


def _at_least(low: float, high: float = float("inf")) -> Callable[[Any], bool]:
    return lambda value: is_number(value) and low < value <= high


def _counts(low: int) -> Callable[[Any], bool]:
    return lambda value: is_whole(value) and low <= value <= _MOST_STEPS


_Check = tuple[str, Callable[[Any], bool]]
_CHECKS: dict[str, _Check] = {
    "rule": (f"one of {', '.join(KINDS)}", is_text),
    "name": (f"one line of at most {MAX_NAME} printable characters", _is_plain),
    "level": (f"one of {', '.join(LEVELS)}", lambda value: value in LEVELS),
    "notify": (
        f"a list of {', '.join(WAYS)}",
        lambda value: is_names(value) and set(value) <= set(WAYS),
    ),
    "metric": ("the name of a metric or column, such as grad_norm/audio", _is_plain),
    "above": ("a number", is_number),
    "below": ("a number", is_number),
    "for_steps": (f"a whole number from 1 to {_MOST_STEPS}", _counts(1)),
    "for_seconds": ("a number of seconds above 0", _at_least(0, 1e9)),
    "min_change": ("a number of at least 0", lambda value: is_number(value) and value >= 0),
    "factor": ("a number above 1", _at_least(1)),
    "smooth": (f"a whole number from 1 to {_MOST_STEPS}", _counts(1)),
    "drop": (
        "a share between 0 and 1, such as 0.5",
        lambda value: is_number(value) and 0 < value < 1,
    ),
}
