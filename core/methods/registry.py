"""Find methods by name, and refuse combinations that mean nothing. Light: loads no torch."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Sequence

from asgml.core.methods.spec import Method
from asgml.core.methods.table import METHODS
from asgml.storage.format.knobs import Knob

__all__ = [
    "METHODS",
    "Method",
    "RegistryError",
    "nearest",
    "parse_method",
    "section_defaults",
    "short_name",
]


class RegistryError(ValueError):
    """An unknown method, or a combination that means nothing. The message is one line."""


def parse_method(text: str) -> list[Method]:
    """Return the rows that `ogm_ge+boost` names, in the order given.

    Raise RegistryError for an unknown name (with the nearest known ones), a repeated one,
    `baseline` beside another, or two methods that take the same exclusive action.
    """
    names = [name.strip() for name in text.split("+")]
    methods = [_row(name) for name in names]
    if len(set(names)) < len(names):
        raise RegistryError(f"method {text!r}: a method is named twice; name each once")
    if len(names) > 1 and "baseline" in names:
        raise RegistryError(
            f"method {text!r}: baseline changes no gradient, so it composes with nothing; "
            "leave it out"
        )
    _refuse_conflicts(text, methods)
    return methods


def _row(name: str) -> Method:
    if name not in METHODS:
        raise RegistryError(f"unknown method {name!r}: {nearest(name, list(METHODS))}")
    return METHODS[name]


def _refuse_conflicts(text: str, methods: Sequence[Method]) -> None:
    for one, other in itertools.combinations(methods, 2):
        if shared := [action for action in one.exclusive if action in other.exclusive]:
            raise RegistryError(
                f"method {text!r}: {one.name} and {other.name} both {shared[0]}, "
                "which only one can; name one of them"
            )
        for turning, beside in ((one, other), (other, one)):
            if turning.takes_turns and not beside.acts_turn_by_turn:
                raise RegistryError(
                    f"method {text!r}: {turning.name} trains the modalities in turns, and "
                    f"{beside.name} needs all of them in one backward pass; name one of them"
                )


def section_defaults() -> dict[str, dict[str, float | int | bool | str]]:
    """Return every method's section of the configuration: {"boost": {"alpha": 0.5, ...}, ...}."""
    return {
        name: {short_name(knob): knob.initial for knob in method.settings}
        for name, method in METHODS.items()
        if method.settings
    }


def short_name(knob: Knob) -> str:
    """Return the knob's name without its owner."""
    return knob.name.rpartition(".")[2]


def nearest(given: str, known: Sequence[str]) -> str:
    """Return `did you mean a or b?` for a mistyped name, or the known names."""
    close = difflib.get_close_matches(given, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(known)}"
