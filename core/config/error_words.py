"""The words of a validation error: what was expected, without names of classes or patterns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WORDS = {
    "model_type": "expected a table of keys",
    "model_attributes_type": "expected a table of keys",
    "dict_type": "expected a table of keys",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "set_type": "expected a list",
    "string_type": "expected a text",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a smaller whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "finite_number": "expected a finite number",
    "path_type": "expected a path",
    "string_pattern_mismatch": "has not the form that is expected",
    "greater_than_equal": "expected {ge} or more",
    "greater_than": "expected more than {gt}",
    "less_than_equal": "expected {le} or less",
    "less_than": "expected less than {lt}",
    "literal_error": "expected {expected}",
    "enum": "expected {expected}",
    "missing": "is missing",
    "too_short": "expected {min_length} or more of them",
    "too_long": "expected {max_length} or fewer of them",
    "string_too_short": "expected {min_length} or more characters",
    "string_too_long": "expected {max_length} or fewer characters",
}
"""pydantic's kind of error → what was expected, with the numbers of its context."""


def expected(error: Mapping[str, Any]) -> str:
    """Return what one of pydantic's errors says, as a clause of this program.

    The program's own validators raise ValueError with a whole message, which stays.
    """
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] in ("value_error", "assertion_error"):
        return message
    words = _WORDS.get(str(error["type"]))
    if words is None:
        return message[:1].lower() + message[1:]
    return words.format_map({key: _shown(value) for key, value in error.get("ctx", {}).items()})


def _shown(value: Any) -> str:
    """Return a bound as a person writes it; quotes around choices are left out."""
    return f"{value:g}" if isinstance(value, float) else str(value).replace("'", "")
