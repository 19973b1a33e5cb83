"""Filters of runs: `method = boost and (val > 0.7 or not tags ~ "^old")`; nothing is evaluated.

    filter     = all ("or" all)*            compares with  = != < <= > >=   numbers, times, texts
    all        = one ("and" one)*                          ~ !~             a regular expression
    one        = "not" one | "(" filter ")" | name comparison value
    value      = a word, or any text in quotes; none: there is no value

Names are those of `lookup.value_of`. Source of the grammar: precedence climbing by recursive
descent, as in any textbook of compilers.
"""

from __future__ import annotations

import datetime
import math
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeGuard

from asgml.storage.runs.lookup import TIMES, Value, is_known, value_of
from asgml.storage.runs.pattern import compiled
from asgml.storage.runs.record import RunRecord

MOST_CHARACTERS = 2_000
MOST_NESTED = 50
_TOKEN = re.compile(
    r"""\s*(?:(?P<sign>!=|!~|<=|>=|==|[=<>~()])|"(?P<double>[^"]*)"|'(?P<single>[^']*)'"""
    r"""|(?P<word>[^\s=<>~()!"']+))"""
)
_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_SIGNS = ("=", "==", "!=", "~", "!~", *_ORDERS)
_EXPECTED = "expected NAME = VALUE (also != < <= > >= ~ !~), joined by and, or, not, parentheses"


class WhereError(ValueError):
    """A filter that cannot be understood. The message is one line."""


@dataclass(frozen=True)
class Where:
    """A filter. `names`: the names that it asks for, in their order."""

    text: str
    names: tuple[str, ...]
    matches: Callable[[RunRecord], bool]


def parse_where(text: str) -> Where:
    """Return the filter of a text; an empty one lets every run pass. Raise WhereError."""
    if len(text) > MOST_CHARACTERS:
        raise WhereError(f"a filter of {len(text)} characters, at most {MOST_CHARACTERS}")
    if not text.strip():
        return Where(text, (), lambda record: True)
    parser = _Parser(text)
    matches = parser.any_of()
    if parser.tokens:
        raise parser.error(f"{parser.tokens[0][1]!r} is too much")
    return Where(text, tuple(dict.fromkeys(parser.names)), matches)


Test = Callable[[RunRecord], bool]


class _Parser:
    """Recursive descent over the tokens that are left."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._split())
        self.names: list[str] = []
        self._depth = 0

    def error(self, what: str) -> WhereError:
        return WhereError(f"filter {self.text!r:.200}: {what}; {_EXPECTED}")

    def any_of(self) -> Test:
        tests = [self._all_of()]
        while self._accept("or"):
            tests.append(self._all_of())
        return tests[0] if len(tests) == 1 else lambda run: any(test(run) for test in tests)

    def _all_of(self) -> Test:
        tests = [self._one()]
        while self._accept("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda run: all(test(run) for test in tests)

    def _one(self) -> Test:
        self._depth += 1
        if self._depth > MOST_NESTED:
            raise self.error(f"nested deeper than {MOST_NESTED}")
        try:
            if self._accept("not"):
                inner = self._one()
                return lambda run: not inner(run)
            if self._accept("("):
                inner = self.any_of()
                if not self._accept(")"):
                    raise self.error("a parenthesis is not closed")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Test:
        _, name = self._next("a name is missing")
        _, sign = self._next(f"nothing is compared with {name!r}")
        if sign not in _SIGNS:
            raise self.error(f"{name!r} is followed by {sign!r}")
        kind, value = self._next(f"a value is missing after {name} {sign}")
        if kind == "sign":
            raise self.error(f"{sign!r} is followed by {value!r}; put quotes around such a value")
        self.names.append(name)
        try:
            test = _test(name, sign, value, quoted=kind == "text")
        except ValueError as error:
            raise WhereError(f"filter {self.text!r:.200}: {error}") from None
        return lambda run: test(value_of(run, name))

    def _split(self) -> Iterator[tuple[str, str]]:
        """Yield (sign, word or text; its characters)."""
        at, text = 0, self.text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self.error(f"{text[at:].strip()[:20]!r} cannot be read")
            at = found.end()
            kind = found.lastgroup or ""
            yield {"sign": "sign", "word": "word"}.get(kind, "text"), found[kind]

    def _accept(self, wanted: str) -> bool:
        """Take the next token where it is this one; the words and, or, not in any case."""
        if not self.tokens or self.tokens[0][0] == "text" or self.tokens[0][1].lower() != wanted:
            return False
        del self.tokens[0]
        return True

    def _next(self, otherwise: str) -> tuple[str, str]:
        if not self.tokens:
            raise self.error(otherwise)
        return self.tokens.pop(0)


def _test(name: str, sign: str, text: str, *, quoted: bool) -> Callable[[Value], bool]:
    """Return the test of a value; a value that is not known is equal to none alone."""
    if sign in ("~", "!~"):
        found = compiled(text)
        return lambda value: (is_known(value) and found(_text(value))) == (sign == "~")
    wanted = _wanted(name, text, quoted)
    if sign in _ORDERS:
        if not isinstance(wanted, float):
            raise ValueError(f"{name} {sign} {text!r}: expected a number")
        order = _ORDERS[sign]
        return lambda value: is_known(value) and _is_number(value) and order(float(value), wanted)
    return lambda value: _equal(value, wanted, text) == (sign != "!=")


def _wanted(name: str, text: str, quoted: bool) -> Value:
    if name in TIMES:
        try:
            return datetime.datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError):
            raise ValueError(f"{name}: {text!r} is no date such as 2026-02-25") from None
    if quoted:
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.lower() == "none":
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _equal(value: Value, wanted: Value, text: str) -> bool:
    if wanted is None or not is_known(value):
        return wanted is None and not is_known(value)
    if _is_number(value) and isinstance(wanted, float):
        return math.isclose(float(value), wanted, rel_tol=1e-9)
    return _text(value) == (text.lower() if isinstance(value, bool) else text)


def _is_number(value: Value) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
