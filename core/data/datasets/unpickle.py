"""Reads pickles that somebody else made: numpy arrays, text, numbers and containers of them, and nothing else.

A pickle is a program. Its reader here knows no function, no class and no module: each of the few names that numpy writes is
answered by a stand-in of this file, so a pickle can neither call, nor import, nor change anything. Types of arrays are read
by hand as well: numpy believes what a pickle says of a structured type, and would take its bytes for pointers.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from asgml.core.data.base import DataError
from asgml.core.data.datasets.pickle_scan import Bounded, scan

DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|[SU][1-9]\d{0,8}|O[48]?)")
ENDIAN = ("<", ">", "|", "=")
PLAIN = (str, bytes, int, float, bool, type(None), np.generic)
LONGEST_NAME = 80  # characters of a foreign name that a message repeats


class Hostile(DataError):
    """The pickle asks for what plain data does not need."""


def read_pickle(path: Path) -> Any:
    """What the pickle holds. Text of Python 2 is read as latin-1, as its arrays need. Raises DataError, without the file's name.

    Arrays are of a class of this file: take them with numpy.asarray, which makes plain ones. The bytes of all arrays together
    are at most those of the file: a pickle that refers to the same bytes again and again would fill the memory.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            scan(Bounded(file, size))
            file.seek(0)
            return _Reader(Bounded(file, size), size).load()
    except DataError:
        raise
    except (
        Exception
    ) as error:  # a damaged pickle fails in any way: it is a program that was cut or never was one
        told = " ".join(str(error).split())[:200]
        raise DataError(
            f"not a pickle that can be read ({type(error).__name__}: {told}); fetch the file again"
        ) from error


class _Reader(pickle.Unpickler):
    """Answers every name by a stand-in, or refuses it."""

    def __init__(self, file: Bounded, budget: int) -> None:
        super().__init__(cast(BinaryIO, file), fix_imports=False, encoding="latin1")
        self.stand_ins = _stand_ins(_Budget(budget))

    def find_class(self, module: str, name: str, /) -> Any:
        known = self.stand_ins.get((module, name))
        if known is None:
            raise Hostile(
                f"this pickle asks for {f'{module}.{name}'[:LONGEST_NAME]!r}, which data has no need of, so nothing of it was run; "
                "expected numpy arrays, text and numbers"
            )
        return known

    def persistent_load(self, pid: Any, /) -> NoReturn:
        raise Hostile(
            "this pickle refers to things outside of it (persistent ids); expected numpy arrays, text and numbers"
        )


class _Budget:
    """The bytes that arrays may still take."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise Hostile(
                "this pickle's arrays hold more bytes than the file: it repeats itself to fill the memory"
            )


class _StandIn:
    """What a pickle gets for a name: it may call it, and nothing else. It has no state that a pickle could set."""

    __slots__ = ("_answer",)
    _answer: Callable[..., Any]

    def __init__(self, answer: Callable[..., Any]) -> None:
        object.__setattr__(self, "_answer", answer)

    def __call__(self, *given: Any) -> Any:
        return self._answer(*given)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise Hostile(
            "this pickle tries to change its reader; expected numpy arrays, text and numbers"
        )

    def __setstate__(self, state: object) -> NoReturn:
        raise Hostile(
            "this pickle tries to change its reader; expected numpy arrays, text and numbers"
        )


class _Type:
    """A numpy type as a pickle describes it: made by a code such as f4, and then told its byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: object, *_: object) -> None:
        if not isinstance(code, str) or not DTYPE.fullmatch(code):
            raise Hostile(
                f"an array of type {str(code)[:LONGEST_NAME]!r}; expected numbers, truth values or text"
            )
        self.code, self.order = code, ""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """(version, byte order, subarray, names, fields, size, alignment, flags): all but the first two of plain types are known."""
        _, order, subarray, names, fields = state[:5]
        if order not in ENDIAN or any(part is not None for part in (subarray, names, fields)):
            raise Hostile("an array of a structured type; expected numbers, truth values or text")
        self.order = order

    @property
    def dtype(self) -> np.dtype[Any]:
        plain = np.dtype("O" if "O" in self.code else self.code)
        return np.dtype(f"{self.order}{plain.str[1:]}") if self.order in ("<", ">") else plain


class _Array(np.ndarray[Any, np.dtype[Any]]):
    """An array that looks at what it is filled with."""

    budget: _Budget

    def __setstate__(self, state: Any) -> None:
        """(version, shape, type, whether in Fortran's order, bytes; a list of values for objects)."""
        version, shape, kind, fortran, raw = state if len(state) == 5 else (0, *state)
        dtype, count = _type(kind), math.prod(_sizes(shape))
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
        if dtype.hasobject:
            _check_values(raw, count)
        elif not isinstance(raw, bytes) or len(raw) != count * dtype.itemsize:
            raise Hostile(f"an array of shape {shape} and type {dtype} whose bytes do not fill it")
        self.budget.take(len(raw))
        super().__setstate__(cast(Any, (int(version), shape, dtype, bool(fortran), raw)))

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise Hostile("this pickle writes into an array; expected arrays as numpy writes them")


def _stand_ins(budget: _Budget) -> Mapping[tuple[str, str], _StandIn]:
    """For every name that numpy, of any version since Python 2, writes into a pickle of arrays and scalars."""
    array = _StandIn(_never)

    def reconstruct(kind: object, shape: object, code: object) -> _Array:
        if kind is not array:
            raise Hostile("an array of a class of its own; expected plain numpy arrays")
        empty = np.ndarray.__new__(_Array, (0,), "b")
        empty.budget = budget
        return empty

    def from_buffer(
        raw: bytes | bytearray, kind: object, shape: object, order: str
    ) -> NDArray[Any]:
        found = np.frombuffer(bytes(raw), _type(kind)).reshape(
            _sizes(shape), order=cast(Any, order)
        )
        budget.take(found.nbytes)
        return found.copy()

    numpy = {
        "multiarray": {"_reconstruct": _StandIn(reconstruct), "scalar": _StandIn(_scalar)},
        "numeric": {"_frombuffer": _StandIn(from_buffer)},
    }
    names = {
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")
        for module, known in numpy.items()
        for name, stand_in in known.items()
    }
    names |= {
        ("numpy", "ndarray"): array,
        ("numpy", "dtype"): _StandIn(_Type),
        ("_codecs", "encode"): _StandIn(_encode),
    }
    names |= {("collections", "OrderedDict"): _StandIn(dict)}
    for builtins in ("builtins", "__builtin__"):
        names |= {
            (builtins, "set"): _StandIn(set),
            (builtins, "frozenset"): _StandIn(frozenset),
            (builtins, "bytes"): _StandIn(_no_bytes),
        }
    return names


def _never(*_: object) -> NoReturn:
    raise Hostile("this pickle calls numpy.ndarray; expected arrays as numpy writes them")


def _scalar(kind: object, raw: str | bytes) -> Any:
    dtype = _type(kind)
    return np.frombuffer(raw.encode("latin1") if isinstance(raw, str) else raw, dtype, 1)[0]


def _encode(text: str, codec: str) -> bytes:
    """How Python 3 writes bytes so that Python 2 can read them."""
    if codec not in ("latin1", "latin-1"):
        raise Hostile(
            f"this pickle asks for the codec {str(codec)[:LONGEST_NAME]!r}; expected numpy arrays, text and numbers"
        )
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """How Python 3 writes bytes of length 0 for Python 2."""
    return b""


def _type(kind: object) -> np.dtype[Any]:
    if not isinstance(kind, _Type):
        raise Hostile("an array without a type")
    return kind.dtype


def _sizes(shape: object) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or not all(
        isinstance(size, int) and size >= 0 for size in shape
    ):
        raise Hostile("an array without a shape")
    return shape


def _check_values(values: object, count: int) -> None:
    """An array of objects may hold text and numbers, such as the names of the samples."""
    if not isinstance(values, list) or len(values) != count:
        raise Hostile("an array of objects whose values do not fill it")
    strange = next((value for value in values if not isinstance(value, PLAIN)), None)
    if strange is not None:
        raise Hostile(
            f"an array of objects that holds a {type(strange).__name__.lstrip('_')}; expected text and numbers"
        )
