"""The filter of the run list: a where-expression, or words and patterns found in a run's texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from asgml.storage.runs.pattern import compiled
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.where import WhereError, parse_where

Filter = Callable[[RunRecord], bool]
_COMPARES = re.compile(r"[=<>~!]")


class FilterError(ValueError):
    """A text that is no filter. The message is one line."""


def read_filter(text: str) -> Filter:
    """Return the filter that a text means: an expression where it compares anything, else words.

    Each word is a pattern, sought without regard to case in name, title, tags, note and method;
    all of them must be found. Raise FilterError.
    """
    if not _COMPARES.search(text):
        return _words(text)
    try:
        return parse_where(text).matches
    except WhereError as error:
        raise FilterError(str(error)) from None


def _words(text: str) -> Filter:
    tests = [_pattern(word) for word in text.split()]
    return lambda record: all(any(map(test, _texts(record))) for test in tests)


def _pattern(word: str) -> Callable[[str], bool]:
    try:
        return compiled(f"(?i){word}")
    except ValueError as error:
        raise FilterError(str(error)) from None


def _texts(record: RunRecord) -> Iterator[str]:
    labels = record.labels
    yield from (record.name, record.method, labels.title, labels.note, *labels.tags)
