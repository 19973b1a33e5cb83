"""The table of results: a row for each variant, its values by seed, compared with the baseline."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from asgml.storage.runs.protocols import MEASURED, UNKNOWN, ProtocolDifference, protocol_difference
from asgml.storage.statistics.estimate import Estimate, estimate
from asgml.storage.statistics.holm import holm
from asgml.storage.statistics.paired import PairedDifference, paired_difference
from asgml.storage.statistics.result import Result

NOT_STARTED = "not started"
BY_SEED = tuple(MEASURED[key] for key in ("val", "split", "sizes"))
"""What may differ from seed to seed, where each seed has a fold or a carved split of its own."""


@dataclass(frozen=True)
class ResultRow:
    """One variant.

    `values`: of the seeds with a finished run. `missing`: seed → why it has no value. `difference`:
    to the baseline, None for the baseline itself and where there is none. `p_holm`: its p of the
    paired t-test, corrected for all rows of the table. `mark`: what keeps the row from being
    compared, "" for nothing; `own`: in which parts its network or its tuned settings differ.
    """

    label: str
    settings: Mapping[str, Any]
    results: Mapping[int, Result]
    estimate: Estimate
    missing: Mapping[int, str]
    digests: tuple[str, ...] = ()  # of the protocols of its runs
    mark: str = ""
    own: str = ""
    difference: PairedDifference | None = None
    p_holm: float = math.nan
    on_test: Estimate | None = None  # best on test, where the table is about a test score

    @property
    def values(self) -> dict[int, float]:
        return {seed: result.value for seed, result in self.results.items() if result.known}

    @property
    def runs(self) -> dict[int, str]:
        """Seed → name of the run's record; an ensemble's name is that of its cell."""
        return {seed: result.run for seed, result in self.results.items()}


@dataclass(frozen=True)
class ResultTable:
    """Rows in their order. `baseline`: label of the row that the others are paired with, or ""."""

    title: str
    metric: str
    better: str
    baseline: str
    seeds: tuple[int, ...]
    rows: tuple[ResultRow, ...]

    def row(self, label: str) -> ResultRow | None:
        """Return the row with this label."""
        return next((row for row in self.rows if row.label == label), None)

    @property
    def missing(self) -> int:
        """Number of cells without a value."""
        return sum(len(row.missing) for row in self.rows)


@dataclass(frozen=True)
class RowResults:
    """What a table is made of: a variant and the results of its runs by seed."""

    label: str
    settings: Mapping[str, Any]
    results: Mapping[int, Result]
    asked: tuple[int, ...] = ()  # seeds that were asked for
    declared: Collection[str] = ()  # settings that are the row's own
    on_test: Sequence[float] = field(default=())


def make_table(
    title: str, metric: str, better: str, baseline: str, rows: Sequence[RowResults]
) -> ResultTable:
    """Return the table of these rows, each paired with the baseline where it may be.

    Raise ValueError where two rows share a label, or the baseline is none of them.
    """
    labels = [row.label for row in rows]
    if len(set(labels)) < len(labels) or (baseline and baseline not in labels):
        raise ValueError(f"{baseline!r} is no row, or two rows share a label: {labels}")
    reference = next((row for row in rows if row.label == baseline), None)
    made = [_row(row, reference or _first_known(rows), reference) for row in rows]
    corrected = holm([row.difference.p_t if row.difference else None for row in made])
    seeds = sorted({seed for row in rows for seed in (*row.asked, *row.results)})
    return ResultTable(
        title,
        metric,
        better,
        baseline,
        tuple(seeds),
        tuple(replace(row, p_holm=p) for row, p in zip(made, corrected, strict=True)),
    )


def _first_known(rows: Sequence[RowResults]) -> RowResults | None:
    """Return the row whose protocol the others are held against, where no baseline is named."""
    return next((row for row in rows if any(r.protocol for r in row.results.values())), None)


def _row(row: RowResults, standard: RowResults | None, baseline: RowResults | None) -> ResultRow:
    known = {seed: result.value for seed, result in row.results.items() if result.known}
    missing = {seed: NOT_STARTED for seed in row.asked if seed not in row.results}
    missing |= {seed: result.why for seed, result in row.results.items() if not result.known}
    found = _protocol_differences(row, standard)
    return ResultRow(
        label=row.label,
        settings=row.settings,
        results=dict(sorted(row.results.items())),
        estimate=estimate(known.values()),
        missing=dict(sorted(missing.items())),
        digests=tuple(sorted({r.digest for r in row.results.values() if r.digest})),
        mark=_in_words([*(n for each in found.values() for n in each.other), *_mixed(row)]),
        own=_in_words(name for each in found.values() for name in each.own),
        difference=_difference(row, baseline, found),
        on_test=estimate(row.on_test) if len(row.on_test) else None,
    )


def _protocol_differences(
    row: RowResults, standard: RowResults | None
) -> dict[int, ProtocolDifference]:
    """Return seed → how the protocol of the row's run differs from the standard's with that seed.

    A seed that the standard lacks is held against its most common protocol.
    """
    if standard is None:
        return {}
    usual = _usual_protocol(standard)
    found = {}
    for seed, result in row.results.items():
        if not result.known and not result.protocol:
            continue  # it never began: nothing differs yet
        other = standard.results.get(seed)
        theirs = other.protocol if other is not None and other.known else usual
        declared = {*row.declared, *standard.declared}
        found[seed] = protocol_difference(result.protocol, theirs, declared)
    return found


def _usual_protocol(row: RowResults) -> Mapping[str, Any]:
    counted = Counter(r.digest for r in row.results.values() if r.protocol)
    if not counted:
        return {}
    digest = counted.most_common(1)[0][0]
    return next(r.protocol for r in row.results.values() if r.protocol and r.digest == digest)


def _mixed(row: RowResults) -> list[str]:
    """Return in which the runs of a row differ among themselves; a split may be the seed's own."""
    usual = _usual_protocol(row)
    found = [protocol_difference(r.protocol, usual) for r in row.results.values() if r.known]
    names = dict.fromkeys(name for each in found for name in each.other if name not in BY_SEED)
    return [f"{name} within the row" for name in names if name != UNKNOWN]


def _difference(
    row: RowResults, baseline: RowResults | None, found: Mapping[int, ProtocolDifference]
) -> PairedDifference | None:
    """Return the difference over the seeds that both have in a comparable protocol."""
    if baseline is None or row is baseline:
        return None
    ours = {s: r.value for s, r in row.results.items() if r.known and found[s].comparable}
    theirs = {seed: r.value for seed, r in baseline.results.items() if r.known}
    return paired_difference(ours, theirs)


def _in_words(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
