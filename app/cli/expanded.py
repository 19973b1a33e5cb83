"""Commands whose parameters are dataclasses of options: `expanded` shows typer their fields."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

KEYWORD = inspect.Parameter.KEYWORD_ONLY


def expanded(*, without: Collection[str] = ()) -> Callable[[Callable[..., int]], Any]:
    """Give a command the options that are the fields of its dataclass parameters.

    Each parameter annotated with a dataclass is replaced, in the signature that typer reads, by
    the fields of that dataclass, less those named in `without`; the command receives the object.
    So a list of options that several commands share is written once.
    """

    def expand(command: Callable[..., int]) -> Callable[..., int]:
        hints = get_type_hints(command, include_extras=True)
        groups: dict[str, Any] = {n: hint for n, hint in hints.items() if is_dataclass(hint)}
        parameters: list[inspect.Parameter] = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name in groups:
                parameters += _fields_of(groups[parameter.name], without)
            else:
                hint = hints[parameter.name]
                parameters.append(parameter.replace(kind=KEYWORD, annotation=hint))

        @functools.wraps(command)
        def run(**given: Any) -> int:
            objects = {
                name: group(**{one.name: given.pop(one.name) for one in _fields_of(group, without)})
                for name, group in groups.items()
            }
            return command(**objects, **given)

        run.__dict__.pop("__wrapped__")  # typer would follow it to the unexpanded signature
        run.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": int}
        run.__dict__["__signature__"] = inspect.Signature(parameters, return_annotation=int)
        return run

    return expand


def _fields_of(group: Any, without: Collection[str]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            one.name,
            KEYWORD,
            default=inspect.Parameter.empty if one.default is MISSING else one.default,
            annotation=hints[one.name],
        )
        for one in fields(group)
        if one.name not in without
    ]
