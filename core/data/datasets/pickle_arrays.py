"""The arrays and types that a foreign pickle is allowed to make, each checked as it is filled.

Types are read by hand: numpy believes what a pickle says of a structured type, and would take its
bytes for pointers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NoReturn, cast

import numpy as np

from asgml.core.data.base import DataError
from asgml.core.data.datasets.pickle_scan import EXPECTED

DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|[SU][1-9]\d{0,8}|O[48]?)")
ENDIAN = ("<", ">", "|", "=")
PLAIN = (str, bytes, int, float, bool, type(None), np.generic)
LONGEST_NAME = 80  # characters of a foreign name that a message repeats


class HostilePickle(DataError):
    """A pickle that asks for what plain data does not need."""


class Budget:
    """The bytes that arrays may still take."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, size: int) -> None:
        """Raise HostilePickle where less than `size` is left."""
        self.left -= size
        if self.left < 0:
            raise HostilePickle(
                "this pickle's arrays hold more bytes than the file: "
                "it repeats itself to fill the memory"
            )


class StandIn:
    """The answer to a name in a pickle: callable, and without a state that a pickle could set."""

    __slots__ = ("_answer",)
    _answer: Callable[..., Any]

    def __init__(self, answer: Callable[..., Any]) -> None:
        object.__setattr__(self, "_answer", answer)

    def __call__(self, *given: Any) -> Any:
        return self._answer(*given)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise HostilePickle(f"this pickle tries to change its reader; {EXPECTED}")

    def __setstate__(self, state: object) -> NoReturn:
        raise HostilePickle(f"this pickle tries to change its reader; {EXPECTED}")


class Type:
    """A numpy type as a pickle describes it: a code such as f4, then the byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: object, *_: object) -> None:
        if not isinstance(code, str) or not DTYPE.fullmatch(code):
            given = repr(str(code)[:LONGEST_NAME])
            raise HostilePickle(f"an array of type {given}; expected numbers, truth values or text")
        self.code, self.order = code, ""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Set (version, byte order, subarray, names, fields, size, alignment, flags).

        All but the first two follow from the code where the type is plain.
        """
        _, order, subarray, names, fields = state[:5]
        if order not in ENDIAN or any(value is not None for value in (subarray, names, fields)):
            raise HostilePickle(
                "an array of a structured type; expected numbers, truth values or text"
            )
        self.order = order

    @property
    def dtype(self) -> np.dtype[Any]:
        plain = np.dtype("O" if "O" in self.code else self.code)
        return np.dtype(f"{self.order}{plain.str[1:]}") if self.order in ("<", ">") else plain


class Array(np.ndarray[Any, np.dtype[Any]]):
    """An array that checks what it is filled with."""

    budget: Budget

    def __setstate__(self, state: Any) -> None:
        """Set (version, shape, type, in Fortran's order?, bytes), of objects with a list of values.

        Python 2 wrote no version. Raise HostilePickle where the bytes do not fill the shape.
        """
        version, shape, kind, fortran, raw = state if len(state) == 5 else (0, *state)
        dtype, count = dtype_of(kind), math.prod(sizes_of(shape))
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
        if dtype.hasobject:
            _check_values(raw, count)
        elif not isinstance(raw, bytes) or len(raw) != count * dtype.itemsize:
            raise HostilePickle(
                f"an array of shape {shape} and type {dtype} whose bytes do not fill it"
            )
        self.budget.take(len(raw))
        super().__setstate__(cast(Any, (int(version), shape, dtype, bool(fortran), raw)))

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise HostilePickle(
            "this pickle writes into an array; expected arrays as numpy writes them"
        )


def dtype_of(kind: object) -> np.dtype[Any]:
    if not isinstance(kind, Type):
        raise HostilePickle("an array without a type")
    return kind.dtype


def sizes_of(shape: object) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or not all(
        isinstance(size, int) and size >= 0 for size in shape
    ):
        raise HostilePickle("an array without a shape")
    return shape


def _check_values(values: object, count: int) -> None:
    """Raise HostilePickle unless an array of objects holds text and numbers, such as names."""
    if not isinstance(values, list) or len(values) != count:
        raise HostilePickle("an array of objects whose values do not fill it")
    strange = next((value for value in values if not isinstance(value, PLAIN)), None)
    if strange is not None:
        raise HostilePickle(
            f"an array of objects that holds a {type(strange).__name__}; expected text and numbers"
        )
