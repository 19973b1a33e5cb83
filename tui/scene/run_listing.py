"""The run list of one moment: the lines that pass the filter, in groups, sorted, with columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from asgml.storage.format.safe_text import one_line
from asgml.storage.runs.groups import RunGroup, group_records
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import NEUTRAL, OF_THE_SEED, Settings, differing, without
from asgml.tui.scene.run_columns import MEASURED, Differing, differing_columns
from asgml.tui.scene.run_filter import FilterError, read_filter
from asgml.tui.scene.run_row import ListRow, spread_of
from asgml.tui.scene.run_sorting import ListOptions, sorted_lines


@dataclass(frozen=True)
class RunListing:
    """The run list, ready to be laid out in any width.

    `total` counts the runs of the folder, `shown` those that pass the filter; `trials` the tuning
    trials beside them, which are hidden. `problem` is why the filter or the folder cannot be read.
    """

    options: ListOptions = field(default_factory=ListOptions)
    rows: tuple[ListRow, ...] = ()
    total: int = 0
    shown: int = 0
    trials: int = 0
    differing: tuple[Differing, ...] = ()
    same: str = ""
    present: frozenset[str] = frozenset()
    problem: str = ""
    loaded: bool = False
    reading: str = "reading…"

    @property
    def longest_name(self) -> int:
        return max((len(row.name) + 2 * row.member for row in self.rows), default=0)


def build_listing(
    records: Sequence[RunRecord], options: ListOptions, groups: Sequence[RunGroup] | None = None
) -> RunListing:
    """Return the run list of these records, the newest first, under the user's choices.

    `groups` are those of the records, where they are known already.
    """
    try:
        passes = read_filter(options.filter_text)
    except FilterError as error:
        passes, problem = _everything, str(error)
    else:
        problem = ""
    chosen = [record for record in records if passes(record)]
    lines, settings = _group_lines(group_records(records) if groups is None else groups, chosen)
    if not options.grouped:
        lines = [ListRow(shown_name(record), (record,)) for record in chosen]
    lines = sorted_lines(lines, options)
    return RunListing(
        options,
        tuple(_unfolded(lines, options.unfolded)),
        len(records),
        len(chosen),
        differing=differing_columns(told_apart_by(settings), settings),
        same=_same(chosen),
        present=_present(lines, chosen),
        problem=problem,
        loaded=True,
    )


def told_apart_by(settings: Sequence[Settings]) -> list[str]:
    """Return the settings that differ, without those that change no number and the seed's."""
    return list(without(dict.fromkeys(differing(settings)), (*NEUTRAL, *OF_THE_SEED)))


def _everything(record: RunRecord) -> bool:
    return True


def _group_lines(
    groups: Sequence[RunGroup], chosen: Sequence[RunRecord]
) -> tuple[list[ListRow], list[Settings]]:
    """Return a line for each group with runs that are chosen, and the settings of each."""
    paths = {record.path for record in chosen}
    lines, settings = [], []
    for group in groups:
        records = tuple(record for record in group.records if record.path in paths)
        if records:
            single = len(records) == 1
            name = shown_name(records[0]) if single else one_line(group.name)
            lines.append(ListRow(name, records))
            settings.append(group.settings)
    return lines, settings


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
