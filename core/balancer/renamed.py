"""Refuse names of version 0.1.0 in an external training loop, each with its present name."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from asgml.core.balancer.errors import LoopError

RENAMED_METHODS = {"attend": "process_pending"}
RENAMED_ARGUMENTS = {"own_logits": "unimodal_logits"}

P = ParamSpec("P")
R = TypeVar("R")


def refuse_renamed_arguments(method: Callable[P, R]) -> Callable[P, R]:
    """Return `method` so that it raises LoopError for an argument under its old name."""

    @wraps(method)
    def checked(*args: P.args, **named: P.kwargs) -> R:
        for old in RENAMED_ARGUMENTS.keys() & named.keys():
            raise LoopError(f"the argument {old} is now {RENAMED_ARGUMENTS[old]}; rename it")
        return method(*args, **named)

    return checked


class RefusesRenamedMethods:
    """A class whose methods have other names than in version 0.1.0."""

    # Hidden from type checkers: with it they would accept any name at all.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Raise AttributeError, with the present name of a renamed method."""
            kind = type(self).__name__
            if name in RENAMED_METHODS:
                raise AttributeError(f"{kind}.{name} is now {RENAMED_METHODS[name]}; rename it")
            raise AttributeError(f"{kind!r} object has no attribute {name!r}")
