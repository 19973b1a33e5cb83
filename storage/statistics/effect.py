"""The effect of a run's method: its values beside those of the baseline runs of its protocol."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from asgml.storage.runs.groups import RunGroup, digest_of, group_records
from asgml.storage.runs.protocols import TUNED, fields_of, protocol_difference
from asgml.storage.runs.record import RunRecord
from asgml.storage.statistics.estimate import Estimate, estimate, t_quantile
from asgml.storage.statistics.paired import PairedDifference, paired_difference
from asgml.storage.statistics.result import FINISHED, better_of, metric_value
from asgml.storage.statistics.tables import declared_settings

BASELINE = "baseline"
_FUSED = ("test_accuracy_at_best_val", "val_accuracy", "val_mae")
_BY_MODALITY = ("val_own_accuracy", "val_probe_accuracy")
Value = Callable[[RunRecord, str], float]


@dataclass(frozen=True)
class EffectLine:
    """One column of the run beside its baseline.

    `spread`: half the width of the 95 % interval in which one more baseline run would lie, NaN
    below two runs. `paired`: the same over the seeds that the run's group and the baseline have in
    common, None below two of them.
    """

    column: str
    ours: float
    baseline: Estimate
    spread: float
    paired: PairedDifference | None = None

    @property
    def difference(self) -> float:
        """The run's value minus the mean of the baseline."""
        return self.ours - self.baseline.mean

    @property
    def beyond_seeds(self) -> bool:
        """True where the run lies farther from the baseline than seeds alone would put it."""
        return abs(self.difference) > self.spread

    @property
    def better(self) -> bool:
        """True where the run's value is on the better side of the baseline's mean."""
        return self.difference < 0 if better_of(self.column) == "low" else self.difference > 0


@dataclass(frozen=True)
class Effect:
    """A run against its baseline. `why`: the reason for which there is none, "" where there is.

    `step`: where both are compared; None for the epoch that validation chose in each.
    """

    run: str
    baseline: tuple[str, ...] = ()
    lines: tuple[EffectLine, ...] = ()
    step: int | None = None
    why: str = ""


def effect_of(
    record: RunRecord,
    records: Sequence[RunRecord],
    value: Value = metric_value,
    *,
    step: int | None = None,
) -> Effect:
    """Return how a run differs from the baseline runs among `records`, column by column.

    `value` gives the value of a run in a column: by default at the epoch that validation chose;
    with `step` (of a run that still trains) the one there, and unfinished runs count as well.
    """
    if record.method == BASELINE:
        return Effect(record.name, why="this run is a baseline itself")
    found = baseline_runs(record, records, finished=step is None)
    if not found:
        return Effect(record.name, why=_without_baseline(record))
    ours = _own_group(record, records) if step is None else []
    lines = (
        _line(column, record, found, ours, value)
        for column in _columns(record)
        if math.isfinite(value(record, column))
    )
    names = tuple(run.name for run in found)
    return Effect(record.name, names, tuple(line for line in lines if line.baseline.n), step)


def baseline_runs(
    record: RunRecord, records: Sequence[RunRecord], *, finished: bool = True
) -> list[RunRecord]:
    """Return the baseline runs whose numbers compare with those of `record`, by seed.

    Data, splits, epochs, batches, selection and network must be equal; what a plan tunes for each
    row may differ. Of several groups the one with the most runs counts, then the newest.
    """
    candidates = [
        run
        for run in records
        if run.method == BASELINE
        and not run.parent
        and (run.state == FINISHED or not finished)
        and _compares(record, run)
    ]
    groups = group_records(candidates)
    return sorted(max(groups, key=_size).records, key=_seed) if groups else []


def _compares(record: RunRecord, baseline: RunRecord) -> bool:
    declared = declared_settings([record]) | declared_settings([baseline])
    found = protocol_difference(fields_of(baseline), fields_of(record), declared)
    return found.comparable and set(found.own) <= set(TUNED.values())


def _size(group: RunGroup) -> int:
    return len(set(group.seeds))


def _seed(record: RunRecord) -> int:
    return -1 if record.seed is None else record.seed


def _own_group(record: RunRecord, records: Sequence[RunRecord]) -> list[RunRecord]:
    """Return the finished runs that differ from this one in their seed alone, itself included."""
    if record.parent or record.state != FINISHED:
        return []
    digest = digest_of(record)
    return [
        run
        for run in records
        if run.state == FINISHED
        and not run.parent
        and run.protocol == record.protocol
        and run.method == record.method
        and digest_of(run) == digest
    ]


def _columns(record: RunRecord) -> list[str]:
    names = tuple(f"{name}/" for name in _BY_MODALITY)
    by_modality = [column for column in record.metrics if column.startswith(names)]
    by_modality.sort(key=lambda column: column.partition("/")[2])  # stable: own logits, then probe
    return [column for column in _FUSED if column in record.metrics] + by_modality


def _line(
    column: str,
    record: RunRecord,
    baseline: Sequence[RunRecord],
    group: Sequence[RunRecord],
    value: Value,
) -> EffectLine:
    known = estimate(value(run, column) for run in baseline)
    paired = paired_difference(_by_seed(group, column, value), _by_seed(baseline, column, value))
    return EffectLine(
        column,
        value(record, column),
        known,
        prediction_half_width(known),
        paired if paired.n >= 2 else None,
    )


def _by_seed(records: Sequence[RunRecord], column: str, value: Value) -> Mapping[int, float]:
    return {run.seed: value(run, column) for run in records if run.seed is not None}


def prediction_half_width(known: Estimate) -> float:
    """Return t(n - 1) · std · sqrt(1 + 1/n), NaN below two values or without any spread.

    The 95 % prediction interval of one more observation of a normal distribution (Hahn & Meeker,
    Statistical Intervals, 1991, eq. 4.8).
    """
    if known.n < 2 or not known.std > 0:
        return math.nan
    return t_quantile(known.n - 1) * known.std * math.sqrt(1 + 1 / known.n)


def _without_baseline(record: RunRecord) -> str:
    if not fields_of(record):
        return "this run has no protocol, so nothing can be told to be its baseline"
    return (
        "no finished baseline run of this protocol lies beside it; train its settings with "
        "--method baseline and two seeds or more, or use `asgml ablate`"
    )
