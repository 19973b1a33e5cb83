"""Regular expressions of users, refused where they could take for ever on a text of others.

Python's engine tries every way in which a pattern can match a text; nested repeats make that 2^256
ways. Before a pattern is used, the ways are counted from its parse tree: a repeat of n characters
has n ways, what follows one another multiplies, alternatives add, and a repeat of something with
several ways is a power. Texts are cut to 256 characters.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable
from typing import Any

from asgml.storage.format.safe_text import error_line

TEXT = 256
"""Most characters of a text that a pattern is tried on."""
MOST_CHARACTERS = 200
MOST_WAYS = 2e7
"""Most ways to match: three `.*` in a row have 256³ = 1.7e7, under a second at the very worst."""


def compiled(pattern: str) -> Callable[[str], bool]:
    """Return a test whether the pattern is found in a text. Raise ValueError with one line."""
    if len(pattern) > MOST_CHARACTERS:
        raise ValueError(f"a pattern of {len(pattern)} characters, at most {MOST_CHARACTERS}")
    try:
        tree = importlib.import_module("re._parser").parse(pattern)
        ways = _ways_of_all(tree)
        search = re.compile(pattern).search
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        shown = error_line(error).partition(": ")[2]
        raise ValueError(f"no regular expression: {pattern!r} ({shown})") from None
    if ways > MOST_WAYS:
        raise ValueError(
            f"{pattern!r} could match a name in {ways:.0e} ways: repeat less, and no repeat of "
            "repeats"
        )
    return lambda text: search(text[:TEXT]) is not None


def _ways_of_all(tree: Iterable[tuple[Any, Any]]) -> float:
    ways = 1.0
    for operation, argument in tree:
        ways *= _ways(str(operation), argument)
    return ways


def _ways(operation: str, argument: Any) -> float:
    """Return an upper bound of the ways in which one node can match at one place, inf for many."""
    if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, body = argument
        return _ways_of_repeat(int(least), min(int(most), TEXT), _ways_of_all(body))
    if operation == "BRANCH":
        return float(sum(_ways_of_all(each) for each in argument[1]))
    if operation == "SUBPATTERN":
        return _ways_of_all(argument[-1])
    if operation in ("ASSERT", "ASSERT_NOT"):
        return _ways_of_all(argument[1])
    if operation == "ATOMIC_GROUP":
        return _ways_of_all(argument)
    if operation == "GROUPREF_EXISTS":
        return _ways_of_all(argument[1]) + (_ways_of_all(argument[2]) if argument[2] else 1.0)
    return 1.0  # a character, a set of them, a place, or what a group has matched


def _ways_of_repeat(least: int, most: int, body: float) -> float:
    if body == 1.0:
        return float(max(most - least, 0) + 1)
    try:
        return float(body ** (most + 1))
    except OverflowError:
        return float("inf")
