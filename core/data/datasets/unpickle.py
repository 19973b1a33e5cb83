"""Read foreign pickles: numpy arrays, text, numbers and containers of them, and nothing else.

A pickle is a program. Its reader here knows no function, no class and no module: each of the few
names that numpy writes is answered by a stand-in of pickle_arrays.py, so a pickle can neither call,
nor import, nor change anything.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from asgml.core.data.base import DataError
from asgml.core.data.datasets.pickle_arrays import (
    LONGEST_NAME,
    Array,
    Budget,
    HostilePickle,
    StandIn,
    Type,
    dtype_of,
    sizes_of,
)
from asgml.core.data.datasets.pickle_scan import EXPECTED, BoundedFile, scan


def read_pickle(path: Path) -> Any:
    """Return what the pickle holds. Raise DataError, without the file's name.

    Text of Python 2 is read as latin-1, as its arrays need. Arrays are of the class Array: take
    them with numpy.asarray, which makes plain ones. The bytes of all arrays together are at most
    those of the file: a pickle that refers to the same bytes again and again would fill the memory.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            scan(BoundedFile(file, size))
            file.seek(0)
            return _Reader(BoundedFile(file, size), size).load()
    except DataError:
        raise
    # A damaged pickle fails in any way: it is a program that was cut, or never was one.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"not a pickle that can be read ({type(error).__name__}: {reason}); "
            "fetch the file again"
        ) from error


class _Reader(pickle.Unpickler):
    """An unpickler that answers every name by a stand-in, or refuses it."""

    def __init__(self, file: BoundedFile, budget: int) -> None:
        # Without fix_imports names of Python 2 reach find_class as they are, __builtin__ too.
        super().__init__(cast(BinaryIO, file), fix_imports=False, encoding="latin1")
        self.stand_ins = _stand_ins(Budget(budget))

    def find_class(self, module: str, name: str, /) -> Any:
        """Return the stand-in for a name; nothing is ever imported. Raise HostilePickle."""
        stand_in = self.stand_ins.get((module, name))
        if stand_in is None:
            asked = repr(f"{module}.{name}"[:LONGEST_NAME])
            raise HostilePickle(
                f"this pickle asks for {asked}, which data has no need of, "
                f"so nothing of it was run; {EXPECTED}"
            )
        return stand_in

    def persistent_load(self, pid: Any, /) -> NoReturn:
        raise HostilePickle(
            f"this pickle refers to things outside of it (persistent ids); {EXPECTED}"
        )


def _stand_ins(budget: Budget) -> Mapping[tuple[str, str], StandIn]:
    """Return an answer to every name that numpy writes into a pickle of arrays and scalars.

    Of any version since Python 2: its modules moved from core to _core, builtins were __builtin__.
    """
    answers = {
        ("numpy", "dtype"): StandIn(Type),
        ("_codecs", "encode"): StandIn(_encode),
        ("collections", "OrderedDict"): StandIn(dict),
    }
    for builtins in ("builtins", "__builtin__"):
        answers |= {
            (builtins, "set"): StandIn(set),
            (builtins, "frozenset"): StandIn(frozenset),
            (builtins, "bytes"): StandIn(_empty_bytes),
        }
    return answers | _array_stand_ins(budget)


def _array_stand_ins(budget: Budget) -> dict[tuple[str, str], StandIn]:
    """Return the answers that make arrays, whose bytes are taken from `budget`."""
    array = StandIn(_refuse_array)

    def reconstruct(kind: object, shape: object, code: object) -> Array:
        if kind is not array:
            raise HostilePickle("an array of a class of its own; expected plain numpy arrays")
        # As numpy's own: an empty array, which its __setstate__ then fills.
        empty = np.ndarray.__new__(Array, (0,), "b")
        empty.budget = budget
        return empty

    def from_buffer(
        raw: bytes | bytearray, kind: object, shape: object, order: str
    ) -> NDArray[Any]:
        flat = np.frombuffer(bytes(raw), dtype_of(kind))
        found = flat.reshape(sizes_of(shape), order=cast(Any, order))
        budget.take(found.nbytes)
        return found.copy()  # an array on a buffer is read-only

    answers = {("numpy", "ndarray"): array}
    for core in ("numpy.core", "numpy._core"):
        answers |= {
            (f"{core}.multiarray", "_reconstruct"): StandIn(reconstruct),
            (f"{core}.multiarray", "scalar"): StandIn(_scalar),
            (f"{core}.numeric", "_frombuffer"): StandIn(from_buffer),
        }
    return answers


def _refuse_array(*_: object) -> NoReturn:
    raise HostilePickle("this pickle calls numpy.ndarray; expected arrays as numpy writes them")


def _scalar(kind: object, raw: str | bytes) -> Any:
    dtype = dtype_of(kind)
    return np.frombuffer(raw.encode("latin1") if isinstance(raw, str) else raw, dtype, 1)[0]


def _encode(text: str, codec: str) -> bytes:
    """Return bytes as Python 3 writes them for Python 2."""
    if codec not in ("latin1", "latin-1"):
        asked = repr(str(codec)[:LONGEST_NAME])
        raise HostilePickle(f"this pickle asks for the codec {asked}; {EXPECTED}")
    return text.encode("latin1")


def _empty_bytes() -> bytes:
    """Return bytes of length 0, as Python 3 writes them for Python 2."""
    return b""
