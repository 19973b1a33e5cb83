"""Checks of a data set's options. Every error names the option, its value and the expected ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar, cast

from asgml.core.data.base import DataError

Options = TypeVar("Options")


def read_options(form: type[Options], options: Mapping[str, Any], data: str) -> Options:
    """Return `options` as the dataclass `form`, which checks their values.

    Raise DataError for an unknown option.
    """
    known = [field.name for field in fields(cast(Any, form))]
    for key in options:
        if key not in known:
            raise DataError(f"{data}: no option {key!r}; there are {', '.join(known)}")
    return form(**options)


def check_flag(option: str, value: object) -> None:
    if not isinstance(value, bool):
        raise DataError(f"option {option} is {value!r}; expected true or false")


def check_whole(option: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        expected = f"expected a whole number from {low} to {high}"
        raise DataError(f"option {option} is {value!r}; {expected}")


def check_number(option: str, value: object, low: float, high: float) -> None:
    """Raise DataError unless `value` is a number in the range: neither NaN nor infinity is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        expected = f"expected a number from {low:g} to {high:g}"
        raise DataError(f"option {option} is {value!r}; {expected}")


def check_choice(option: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise DataError(f"option {option} is {value!r}; expected one of {', '.join(known)}")


def check_names(option: str, value: object, known: list[str]) -> None:
    """Raise DataError unless `value` is some of the known names, each once."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        expected = f"expected a list of names among {', '.join(known)}"
        raise DataError(f"option {option} is {value!r}; {expected}")
    unknown = [name for name in value if name not in known]
    if unknown:
        raise DataError(f"option {option} has {unknown[0]!r}; there are {', '.join(known)}")
    if not value or len(set(value)) < len(value):
        raise DataError(f"option {option} is {list(value)!r}; expected one name or more, each once")


def per_modality(
    option: str, value: float | Mapping[str, float], defaults: Mapping[str, float], high: float
) -> dict[str, float]:
    """Return a number from 0 to `high` for each modality of `defaults`.

    `value` is one number for all modalities, or some of them with their numbers.
    """
    numbers = dict(defaults)
    is_mapping = isinstance(value, Mapping)
    given = value if isinstance(value, Mapping) else dict.fromkeys(defaults, value)
    for name, number in given.items():
        if name not in defaults:
            known = ", ".join(defaults)
            raise DataError(f"option {option} has {name!r}; the modalities are {known}")
        check_number(f"{option}.{name}" if is_mapping else option, number, 0, high)
        numbers[name] = float(number)
    return numbers
