"""The run list of one moment: the lines that pass the filter, in groups, sorted, with columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from asgml.storage.format.safe_text import one_line
from asgml.storage.runs.groups import group_records
from asgml.storage.runs.lookup import value_of
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import NEUTRAL, OF_THE_SEED, differing, without
from asgml.tui.scene.run_columns import MEASURED, Differing, differing_columns
from asgml.tui.scene.run_filter import FilterError, read_filter
from asgml.tui.scene.run_row import ListRow, epochs_of, spread_of

_SAMPLED = 50
"""Lines whose metrics are offered for sorting."""


@dataclass(frozen=True)
class ListOptions:
    """The user's choices for the run list. `sort` is "" for the newest first."""

    filter_text: str = ""
    sort: str = ""
    descending: bool = True
    grouped: bool = True
    archived: bool = False
    unfolded: frozenset[Path] = frozenset()
    """First runs of the groups whose runs are shown one by one."""


@dataclass(frozen=True)
class RunListing:
    """The run list, ready to be laid out in any width.

    `total` counts the runs of the folder, `shown` those that pass the filter. `problem` is why
    the filter or the folder cannot be read.
    """

    options: ListOptions = ListOptions()
    rows: tuple[ListRow, ...] = ()
    total: int = 0
    shown: int = 0
    differing: tuple[Differing, ...] = ()
    same: str = ""
    present: frozenset[str] = frozenset()
    problem: str = ""
    loaded: bool = False

    @property
    def longest_name(self) -> int:
        return max((len(row.name) + 2 * row.member for row in self.rows), default=0)


def build_listing(records: Sequence[RunRecord], options: ListOptions) -> RunListing:
    """Return the run list of these records, the newest first, under the user's choices."""
    try:
        passes = read_filter(options.filter_text)
    except FilterError as error:
        passes, problem = _everything, str(error)
    else:
        problem = ""
    chosen = [record for record in records if passes(record)]
    lines = sorted_lines(_lines(chosen, options.grouped), options)
    settings = [without(line.records[0].settings, (*NEUTRAL, *OF_THE_SEED)) for line in lines]
    return RunListing(
        options,
        tuple(_unfolded(lines, options.unfolded)),
        len(records),
        len(chosen),
        differing_columns(differing(settings), settings),
        _same(chosen),
        _present(lines, chosen),
        problem,
        loaded=True,
    )


def _everything(record: RunRecord) -> bool:
    return True


def _lines(records: Sequence[RunRecord], grouped: bool) -> list[ListRow]:
    if not grouped:
        return [ListRow(shown_name(record), (record,)) for record in records]
    return [
        ListRow(one_line(group.name), tuple(group.records))
        if len(group.records) > 1
        else ListRow(shown_name(group.records[0]), tuple(group.records))
        for group in group_records(list(records))
    ]


def shown_name(record: RunRecord) -> str:
    """Return the title that the user gave the run, else its name."""
    return one_line(record.labels.title or record.name)


def _unfolded(lines: Sequence[ListRow], unfolded: frozenset[Path]) -> list[ListRow]:
    rows: list[ListRow] = []
    for line in lines:
        open_ = not line.single and line.records[0].path in unfolded
        rows.append(ListRow(line.name, line.records, unfolded=open_))
        if open_:
            by_seed = sorted(line.records, key=lambda record: (record.seed or 0, record.name))
            rows += [ListRow(shown_name(record), (record,), member=True) for record in by_seed]
    return rows


def sorted_lines(lines: list[ListRow], options: ListOptions) -> list[ListRow]:
    """Return the lines by the value of a column; those without one come last either way."""
    if not options.sort:
        return lines
    keyed = [(sort_key(line, options.sort), line) for line in lines]
    known = [(key, line) for key, line in keyed if key is not None]
    known.sort(key=lambda pair: pair[0], reverse=options.descending)
    return [line for _, line in known] + [line for key, line in keyed if key is None]


def sort_key(line: ListRow, sort: str) -> tuple[int, float, str] | None:
    """Return what a line is sorted by: numbers before texts; None where it has no value."""
    match sort:
        case "name":
            return 1, 0.0, line.name.casefold()
        case "state":
            return 1, 0.0, line.states[0][0]
        case "seeds":
            return 0, float(len(line.records)), ""
        case "when":
            return None if line.when is None else (0, line.when, "")
        case "epoch":
            epochs = [epoch for epoch in map(epochs_of, line.records) if epoch is not None]
            return (0, float(max(epochs)), "") if epochs else None
    if (spread := spread_of(line.records, sort)) is not None:
        return 0, spread.mean, ""
    value = value_of(line.records[0], sort)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return 1, 0.0, str(value)


def best_line(rows: Sequence[ListRow], options: ListOptions) -> int | None:
    """Return the place of the best line, None where no line has a value.

    By the metric that is sorted by, at the end that the sorting has first, else by `val`.
    """
    by_sort = options.sort not in ("", "name", "state", "when", "seeds", "epoch")
    name, high = (options.sort, options.descending) if by_sort else ("val", True)
    found = [
        (spread.mean if high else -spread.mean, -place)
        for place, row in enumerate(rows)
        if (spread := spread_of(row.records, name)) is not None and not row.member
    ]
    return -max(found)[1] if found else None


def _present(lines: Sequence[ListRow], records: Sequence[RunRecord]) -> frozenset[str]:
    """Return the columns that have something to show and, of the protocol, to tell apart."""
    measured = {
        name
        for name in MEASURED
        if any(spread_of(line.records, name) is not None for line in lines)
    }
    always = {"state", "epoch", "when", "seeds"}
    protocols = {record.protocol for record in records if record.protocol}
    return frozenset(measured | always | ({"protocol"} if len(protocols) > 1 else set()))


def _same(records: Sequence[RunRecord]) -> str:
    """Return what all runs have in common, of what a reader asks first."""
    facts: tuple[Callable[[RunRecord], object], ...] = (
        lambda record: one_line((record.data or "").rpartition("/")[2]),
        lambda record: _named(record, "epochs", "{} epochs"),
        lambda record: _named(record, "batch_size", "batch {}"),
        lambda record: record.protocol and one_line(f"protocol {record.protocol}"),
    )
    found = [{str(fact(record) or "") for record in records} for fact in facts]
    return ", ".join(values.pop() for values in found if len(values) == 1 and "" not in values)


def _named(record: RunRecord, key: str, text: str) -> str:
    value = record.settings.get(key)
    return "" if value is None else text.format(one_line(value))


def sortable_columns(listing: RunListing) -> list[str]:
    """Return the names that lines can be sorted by, "" for the newest first; known ones first."""
    settings = [each.key for each in listing.differing]
    metrics = dict.fromkeys(
        name for row in listing.rows[:_SAMPLED] for name in row.records[0].metrics
    )
    always = ["", "name", "state", "epoch", *MEASURED, "when", "seeds", "seconds"]
    return list(dict.fromkeys([*always, *settings, *metrics]))
