"""Finds methods by name and says which go together. Light: importing this loads no torch."""

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
    """A method name that is unknown, or a combination that means nothing. One line for a person."""


def parse_method(text: str) -> list[Method]:
    """The rows that `ogm_ge+boost` names, in the order given.

    Raises RegistryError for an unknown name (with the nearest known ones), a repeated one, `baseline` in company, or two
    methods that would do the same thing twice.
    """
    names = [part.strip() for part in text.split("+")]
    methods = [_row(name) for name in names]
    if len(set(names)) < len(names):
        raise RegistryError(f"method {text!r}: a method is named twice; name each once")
    if len(names) > 1 and "baseline" in names:
        raise RegistryError(
            f"method {text!r}: baseline changes no gradient, so it composes with nothing; leave it out"
        )
    _refuse_doubles(text, methods)
    return methods


def _refuse_doubles(text: str, methods: Sequence[Method]) -> None:
    for one, other in itertools.combinations(methods, 2):
        if shared := [deed for deed in one.exclusive if deed in other.exclusive]:
            raise RegistryError(
                f"method {text!r}: {one.name} and {other.name} both {shared[0]}, which only one can; name one of them"
            )


def section_defaults() -> dict[str, dict[str, float | int | bool | str]]:
    """The default settings of every method, as they stand in a configuration: {"boost": {"alpha": 0.5, ...}, ...}."""
    return {
        name: {short_name(knob): knob.initial for knob in method.settings}
        for name, method in METHODS.items()
        if method.settings
    }


def short_name(knob: Knob) -> str:
    """The knob's name without its owner."""
    return knob.name.rpartition(".")[2]


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean a, b?` for a mistyped word, else the known words."""
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(known)}"


def _row(name: str) -> Method:
    if name not in METHODS:
        raise RegistryError(f"unknown method {name!r}: {nearest(name, list(METHODS))}")
    return METHODS[name]
