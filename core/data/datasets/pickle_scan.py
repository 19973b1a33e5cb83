"""Scan a pickle before it is read, without running it, and refuse what would crash the reader.

Python's reader believes the numbers in a pickle. A few bytes make it set up a memo of gigabytes,
ask for a string longer than the file, or compute the hash of tuples that are nested a million
deep, which overflows the stack of the process.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, cast

from asgml.core.data.base import DataError

EXPECTED = "expected numpy arrays, text and numbers"
DEEPEST = 100  # tuples in tuples; shapes and states of arrays are three deep
OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
EXTENSIONS = {"EXT1", "EXT2", "EXT4"}  # names by number, which the reader might not be asked for
LINES = {"STRING": 1, "PERSID": 1, "GLOBAL": 2, "INST": 2}  # lines that follow an opcode
PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}
GETS = {"GET", "BINGET", "LONG_BINGET"}
NESTING = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}


class BoundedFile:
    """A file that refuses to read more than it has, before memory is set aside for it."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size

    def read(self, count: int = -1) -> bytes:
        self._check(count)
        return self.file.read(count)

    def readline(self, limit: int = -1) -> bytes:
        return self.file.readline(limit)

    def readinto(self, target: bytearray) -> int:
        self._check(len(target))
        return cast("int", self.file.readinto(target))  # type: ignore[attr-defined]

    def tell(self) -> int:
        return self.file.tell()

    def _check(self, count: int) -> None:
        left = self.size - self.file.tell()
        if count > left:
            raise DataError(
                f"the pickle is cut: it promises {count} bytes more where {left} are left; "
                "fetch the file again"
            )


@dataclass
class _Depths:
    """The stack of the pickle's machine, with the depth of nested tuples in place of the values.

    None is a mark.
    """

    stack: list[int | None] = field(default_factory=list)
    memo: dict[int, int] = field(default_factory=dict)

    def pop(self, names: list[str]) -> list[int]:
        """Take off what an opcode takes: so many, or everything down to the mark."""
        if "mark" not in names:
            return [self._pop_value() for _ in names]
        taken = []
        while (depth := self._pop()) is not None:
            taken.append(depth)
        return [*taken, *(self._pop_value() for _ in names[: names.index("mark")])]

    def top(self) -> int:
        depth = self._pop_value()
        self.stack.append(depth)
        return depth

    def _pop_value(self) -> int:
        return self._pop() or 0

    def _pop(self) -> int | None:
        if not self.stack:
            raise DataError("not a pickle: it takes from an empty stack; fetch the file again")
        return self.stack.pop()


def scan(file: BoundedFile) -> None:
    """Raise DataError for a pickle that is cut, is none, or would crash its reader."""
    depths = _Depths()
    try:
        for count, (opcode, argument) in enumerate(_opcodes(file)):
            _follow(opcode, argument, depths, count)
    except (ValueError, struct.error) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"not a pickle, or cut ({reason}); fetch the file again") from error


def _opcodes(file: BoundedFile) -> Iterator[tuple[pickletools.OpcodeInfo, Any]]:
    """Yield the opcodes with their arguments; lines that follow one are passed over.

    pickletools.genops does the same, but refuses text of Python 2 beyond ASCII.
    """
    while True:
        code = file.read(1)
        opcode = OPCODES.get(code)
        if opcode is None:
            raise DataError(f"not a pickle: {code!r} is no opcode; fetch the file again")
        argument = None
        for _ in range(LINES.get(opcode.name, 0)):
            file.readline()
        if opcode.arg is not None and opcode.name not in LINES:
            argument = opcode.arg.reader(cast(IO[bytes], file))
        yield opcode, argument
        if opcode.name == "STOP":
            return


def _follow(opcode: pickletools.OpcodeInfo, argument: Any, depths: _Depths, count: int) -> None:
    """Do to the depths what opcode number `count` does to the stack and the memo."""
    name = opcode.name
    if name in EXTENSIONS:
        raise DataError(f"this pickle asks for a name by number (opcode {name}); {EXPECTED}")
    if name in PUTS or name == "MEMOIZE":
        number = len(depths.memo) if name == "MEMOIZE" else int(argument)
        # No pickle can have stored more values than it has had opcodes.
        if number > count:
            raise DataError(
                f"this pickle numbers its memo from {number}, to fill the memory; {EXPECTED}"
            )
        depths.memo[number] = depths.top()
    elif name in GETS:
        depths.stack.append(depths.memo.get(int(argument), 0))
    elif name == "DUP":
        depths.stack.append(depths.top())
    elif name == "MARK":
        depths.stack.append(None)
    else:
        taken = depths.pop([before.name for before in opcode.stack_before])
        depth = 1 + max(taken, default=0) if name in NESTING else 0
        if depth > DEEPEST:
            raise DataError(f"this pickle nests tuples more than {DEEPEST} deep; {EXPECTED}")
        depths.stack.extend(depth for _ in opcode.stack_after)
