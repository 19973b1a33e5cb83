"""The cells of a report: a run or an ensemble, its values, and where they came from."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asgml.app.plans.followed_run import steered
from asgml.app.reports.content import BEST_ON_TEST, ENSEMBLE, METRIC, VAL, Cell, settled
from asgml.storage.format.safe_text import one_line, safe
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import cell_digest
from asgml.storage.statistics.result import metric_value
from asgml.storage.statistics.tables import ON_TEST

if TYPE_CHECKING:
    from asgml.storage.runs.ensemble_record import EnsembleRecord
    from asgml.storage.statistics.result import Result

BEST_VAL = ("best_val_mae", "best_val_accuracy")
"""What validation chose by: of a regression its error, which it has beside the accuracy."""


@dataclass(frozen=True)
class Source:
    """What a part is made of, beside the table.

    `records`: by the name that the table gives a run. `tuned` and `declared`: by row.
    """

    name: str
    data: str
    out: Path  # the report's folder, from which links lead
    folder: Path  # the runs' folder
    records: Mapping[str, RunRecord]
    seeds: tuple[int, ...]
    tuned: Mapping[str, Mapping[str, Any]]
    declared: Mapping[str, tuple[str, ...]]
    ensembles: Mapping[str, EnsembleRecord]
    text: str = ""


def cell_of(
    seed: int, result: Result, source: Source, metric: str, shared: Mapping[Path, int | None]
) -> Cell:
    record, ensemble = source.records.get(result.run), source.ensembles.get(result.run)
    value = {METRIC: result.value} if result.known else {}
    protocol = protocol_key(result)
    if record is None:
        return _ensemble_cell(seed, result, source, value, protocol, ensemble)
    link = _link(record.path, source.out)
    git = record.git
    return Cell(
        seed=seed,
        run=one_line(result.run),
        link=link,
        state=one_line(record.state),
        why=one_line(result.why),
        digest=cell_digest(record.settings),
        values=settled(value | _beside(record, metric)),
        protocol=protocol,
        test_readings=_readings(record),
        versions=settled({key: one_line(each) for key, each in record.versions.items()}),
        commit=one_line(git.get("commit") or ""),
        dirty=bool(git.get("dirty")),
        seconds=record.seconds,
        command=command_of(record, source.out),
        steered=tuple(map(one_line, steered(record))),
        groups_shared=shared.get(record.path),
    )


def _readings(record: RunRecord) -> int | None:
    readings = record.summary.get("test_readings")
    return readings if type(readings) is int else None


def command_of(record: RunRecord, out: Path) -> str:
    """Return the command that repeats a run, from the report's folder; "" where none does."""
    repeat = record.summary.get("repeat")
    words = shlex.split(repeat) if isinstance(repeat, str) else []
    paths = [Path(word) for word in words]
    relative = [_link(path, out) if path.is_absolute() else str(word)
                for word, path in zip(words, paths, strict=True)]  # fmt: skip
    return one_line(shlex.join(relative))


def _ensemble_cell(
    seed: int,
    result: Result,
    source: Source,
    value: Mapping[str, float],
    protocol: str,
    ensemble: EnsembleRecord | None,
) -> Cell:
    members = list(ensemble.members) if ensemble else []
    links = [_link(source.folder / name, source.out) for name in members]
    val = ensemble.values.get("val_accuracy") if ensemble else None
    return Cell(
        seed=seed,
        run=one_line(result.run),
        state=ENSEMBLE,
        why=one_line(result.why),
        digest=one_line(ensemble.digest if ensemble else ""),
        values=settled({**value, **({VAL: val} if val is not None else {})}),
        protocol=protocol,
        command=one_line(shlex.join(["asgml", "ensemble", *links])),
    )


def _beside(record: RunRecord, metric: str) -> dict[str, float]:
    """Return the values that stand beside the chosen one, as far as the run has them."""
    on_test = metric_value(record, ON_TEST[metric]) if metric in ON_TEST else float("nan")
    val = next((metric_value(record, name) for name in BEST_VAL if name in record.metrics), None)
    found = {BEST_ON_TEST: on_test, VAL: val}
    return {key: each for key, each in found.items() if each is not None and each == each}


def protocol_key(result: Result) -> str:
    """Return the digest of a protocol, of an ensemble that of its members; "" for none."""
    if result.digest or not result.protocol:
        return one_line(result.digest or "")
    return one_line(result.protocol.get("digest", "")) or cell_digest(result.protocol)


def _link(path: Path, out: Path) -> str:
    """Return the way from the report's folder to a run's; it holds after both were moved."""
    return safe(Path(os.path.relpath(path.resolve(), out.resolve())).as_posix())
