"""What `asgml runs` is asked for: which runs, in which order, as which columns."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asgml.app.errors import UserError
from asgml.storage.runs.lookup import ALIASES, FACTS, ambiguous, is_known, value_of
from asgml.storage.runs.order import sort_records
from asgml.storage.runs.pattern import compiled
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.where import WhereError, parse_where

Test = Callable[[RunRecord], bool]
WHICH = ("last.", "best.", "chosen.")


@dataclass(frozen=True)
class RunQuery:
    """The options of `asgml runs`; `limit` 0 is none."""

    where: Sequence[str] = ()
    match: str = ""
    tags: Sequence[str] = ()
    archived: bool = False
    trials: bool = False
    sort: str = ""
    best: str = ""
    limit: int = 0
    columns: Sequence[str] = ()
    group: bool = False


def select(records: Sequence[RunRecord], query: RunQuery) -> list[RunRecord]:
    """Return the runs that pass the filters, in the order asked for. Raise UserError."""
    tests: list[Test] = []
    for text in query.where:
        try:
            where = parse_where(text)
        except WhereError as error:
            raise UserError(f"--where: {error}") from None
        for name in where.names:
            check_name(records, name, "--where")
        tests.append(where.matches)
    if query.match:
        found = _pattern(query.match)
        tests.append(lambda run: found(run.name) or found(run.labels.title))
    tags = set(query.tags)
    tests.append(lambda run: tags <= set(run.labels.tags))
    chosen = [record for record in records if all(test(record) for test in tests)]
    for option, name in (("--sort", query.sort), ("--best", query.best)):
        if name:
            check_name(records, name.lstrip("+-"), option)
    for name in query.columns:
        check_name(records, name, "--columns")
    order = query.best or query.sort
    return sort_records(chosen, order) if order else chosen


def check_name(records: Sequence[RunRecord], name: str, option: str) -> None:
    """Raise UserError for a name that no run has, or that may mean several settings."""
    several = ambiguous(records, name)
    if several:
        raise UserError(f"{option}: {name} may be {' or '.join(several)}; give one in full")
    if not records or _is_name(records, name):
        return
    close = difflib.get_close_matches(name, _names(records), n=3)
    hint = f"; close are {', '.join(close)}" if close else ""
    raise UserError(
        f"{option}: no run has a setting, metric or label {name!r}{hint}; "
        "`asgml runs --json` shows what there is"
    )


def _is_name(records: Sequence[RunRecord], name: str) -> bool:
    if name in FACTS or name in ALIASES:
        return True
    column = name.partition(".")[2] if name.startswith(WHICH) else name
    return any(
        column in record.metrics or name in record.settings or is_known(value_of(record, name))
        for record in records
    )


def _names(records: Sequence[RunRecord]) -> list[str]:
    names = dict.fromkeys([*FACTS, *ALIASES])
    for record in records[:100]:
        names |= dict.fromkeys([*record.settings, *record.metrics])
        names |= dict.fromkeys(key.rpartition(".")[2] for key in record.settings)
    return list(names)


def _pattern(text: str) -> Callable[[str], bool]:
    try:
        return compiled(text)
    except ValueError as error:
        raise UserError(f"--match: {error}") from None
