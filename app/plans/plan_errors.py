"""The errors of a plan file as one line: the place, what was given, what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from asgml.app.keys import nearest_of
from asgml.app.plans.plan_schema import PlanFile, Row, Tune, TuneKey
from asgml.core.config.error_words import expected

LONGEST = 60  # characters of a value that was given
CHOICES = ("function-after", "tuple", "literal", "str", "bool", "constrained-str")
"""Parts of pydantic's places that name an alternative of a type, not a key of the file."""


def one_line_of(error: ValidationError, tree: Mapping[str, Any]) -> str:
    """Return the first fault in a plan as one line."""
    first = error.errors(include_url=False)[0]
    loc = [part for part in first["loc"] if not str(part).startswith(CHOICES)]
    place = place_of(loc, tree)
    if first["type"] == "extra_forbidden":
        key = str(loc[-1])
        return f"{place}unknown key {key!r}; {nearest_of(key, _keys_beside(loc))}"
    if first["type"] == "missing":
        return f"{place}{loc[-1]} is missing"
    message = expected(first)
    given = "" if first["type"] == "value_error" else f" = {_shown(first['input'])}"
    key = _key_of(loc)
    return f"{place}{key}{given}{': ' if key or given else ''}{message[0].lower()}{message[1:]}"


def place_of(loc: Sequence[Any], tree: Mapping[str, Any]) -> str:
    """Return `row 2 'Boost': ` for a fault in that row, `tune: ` for one in that table, else ""."""
    if len(loc) > 1 and loc[0] == "row":
        return f"row {loc[1] + 1}{_label(tree, loc[1])}: "
    return "tune: " if len(loc) > 1 and loc[0] == "tune" else ""


def _label(tree: Mapping[str, Any], number: int) -> str:
    try:
        label = tree["row"][number]["label"]
    except (KeyError, IndexError, TypeError):
        return ""
    return f" {_shown(label)}"


def _key_of(loc: Sequence[Any]) -> str:
    """Return the key within its place, "" where the whole table is at fault."""
    inner = loc[2:] if loc and loc[0] == "row" and len(loc) > 1 else loc
    inner = inner[1:] if inner and inner[0] == "tune" and len(inner) > 1 else inner
    return ".".join(str(part) for part in inner)


def _keys_beside(loc: Sequence[Any]) -> list[str]:
    """Return the keys that may stand where an unknown one was found."""
    table: type[BaseModel] = PlanFile
    if loc[0] == "row":
        table = Row
    elif loc[0] == "tune" and len(loc) > 1:
        table = TuneKey if loc[1] == "keys" else Tune
    return [info.alias or name for name, info in table.model_fields.items()]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
