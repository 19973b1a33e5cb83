"""Checks the options that a person gives to a data set. Every error names the option, what came and what is expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar, cast

from asgml.core.data.base import DataError

Options = TypeVar("Options")


def read_options(form: type[Options], options: Mapping[str, Any], data: str) -> Options:
    """`options` as the dataclass `form`, which checks the values. An unknown one is an error that names the known."""
    known = [field.name for field in fields(cast(Any, form))]
    for key in options:
        if key not in known:
            raise DataError(f"{data}: no option {key!r}; there are {', '.join(known)}")
    return form(**options)


def check_flag(option: str, given: object) -> None:
    if not isinstance(given, bool):
        raise DataError(f"option {option} is {given!r}; expected true or false")


def check_whole(option: str, given: object, low: int, high: int) -> None:
    if isinstance(given, bool) or not isinstance(given, int) or not low <= given <= high:
        raise DataError(
            f"option {option} is {given!r}; expected a whole number from {low} to {high}"
        )


def check_number(option: str, given: object, low: float, high: float) -> None:
    """A number inside the range, so neither NaN nor infinity."""
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not low <= given <= high:
        raise DataError(f"option {option} is {given!r}; expected a number from {low:g} to {high:g}")


def check_names(option: str, given: object, known: list[str]) -> None:
    """Some of the known names, each once."""
    if not isinstance(given, (list, tuple)) or not all(isinstance(name, str) for name in given):
        raise DataError(
            f"option {option} is {given!r}; expected a list of names among {', '.join(known)}"
        )
    strange = [name for name in given if name not in known]
    if strange:
        raise DataError(f"option {option} has {strange[0]!r}; there are {', '.join(known)}")
    if not given or len(set(given)) < len(given):
        raise DataError(f"option {option} is {list(given)!r}; expected one name or more, each once")


def per_modality(
    option: str, given: float | Mapping[str, float], usual: Mapping[str, float], high: float
) -> dict[str, float]:
    """One number from 0 to `high` a modality: the usual one, or what the option gives for all or for that one."""
    values = dict(usual)
    for name, value in (
        given.items() if isinstance(given, Mapping) else dict.fromkeys(usual, given).items()
    ):
        if name not in usual:
            raise DataError(f"option {option} has {name!r}; the modalities are {', '.join(usual)}")
        check_number(f"{option}.{name}" if isinstance(given, Mapping) else option, value, 0, high)
        values[name] = float(value)
    return values


def check_choice(option: str, given: object, known: Sequence[str]) -> None:
    if given not in known:
        raise DataError(f"option {option} is {given!r}; expected one of {', '.join(known)}")
