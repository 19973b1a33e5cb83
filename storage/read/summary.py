"""The summary of a run: state, facts, knobs, and the last and best value of every metric."""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from asgml.storage.format.bounded_file import read_json_object
from asgml.storage.format.errors import FormatError
from asgml.storage.format.events import Event
from asgml.storage.format.metrics import AXES, TABLES, Metric
from asgml.storage.format.reference import references_of, references_to_json
from asgml.storage.format.typed import is_count, is_time
from asgml.storage.read.probe_gap import Gap, gap_of
from asgml.storage.read.provenance import provenance_of
from asgml.storage.read.test_readings import test_readings

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


def summarize(run: Run) -> dict[str, Any]:
    """Return one run as a record for JSON.

    Values that do not exist are None; NaN stays, for the printer to turn into null.
    """
    head, manifest = run.head, run.manifest
    launch, metrics = read_launch(run), metrics_of(run) if run.manifest else {}
    return {
        "path": str(run.paths.root),
        "name": run.paths.name,
        "state": run.state(),
        "step": head.step if head else None,
        "epoch": head.epoch if head else None,
        "total_steps": manifest.total_steps if manifest else None,
        "total_epochs": manifest.total_epochs if manifest else None,
        "pid": head.pid if head else launch.get("pid"),
        "host": (manifest.host if manifest else "") or launch.get("host"),
        "started": iso_time(started_at(run, launch)),
        "data": _data_name(run),
        "samples": _samples(run),
        "left_out": _left_out(run),
        "protocol": _protocol(run),
        "protocol_fields": _protocol_fields(run),
        "references": references_to_json(references_of(manifest.data)) if manifest else {},
        "method": manifest.method if manifest else None,
        "seed": manifest.seed if manifest else None,
        "device": manifest.device if manifest else None,
        "segment": head.segment if head else None,
        "test_readings": test_readings(run) if manifest else 0,
        **provenance_of(run),
        "gap": gap_of_run(run, metrics).as_json(),
        "knobs": dict(run.knobs_at()) if manifest else {},
        "metrics": metrics,
        "problems": list(run.problems),
    }


def gap_of_run(run: Run, metrics: dict[str, dict[str, Any]] | None = None) -> Gap:
    """Return the gap between the modalities of a run, by the newest values that count."""
    if run.manifest is None:
        return Gap()
    found = metrics_of(run) if metrics is None else metrics

    def last(column: str) -> float:
        value = found[column]["last"] if column in found else None
        return math.nan if value is None else float(value)

    readings = int(run.current_rows("probes").sum()) if run.rows("probes") else 0
    return gap_of(run.manifest, last, readings)


def event_record(event: Event) -> dict[str, Any]:
    """Return an event as a record for JSON, its fields beside its place in the run."""
    place = {
        "kind": event.kind,
        "step": event.step,
        "wall_time": event.wall_time,
        "active_time": event.active_time,
        "segment": event.segment,
    }
    return place | {key: value for key, value in event.fields.items() if key not in place}


def metrics_of(run: Run) -> dict[str, dict[str, Any]]:
    """Return column name → last, best and the step of the best, of every recorded metric."""
    manifest = run.manifest
    if manifest is None:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for table in TABLES:
        if not run.rows(table):
            continue
        columns, rows = run.columns(table), run.table(table)[run.current_rows(table)]
        steps = rows[:, columns.index("step")]
        for metric in (metric for metric in manifest.metrics if metric.table == table):
            for column in metric.columns(manifest.modalities):
                if column in columns and column not in AXES:
                    values = rows[:, columns.index(column)]
                    found[column] = _last_and_best(metric, values, steps)
    return found


def _last_and_best(metric: Metric, values: np.ndarray, steps: np.ndarray) -> dict[str, Any]:
    best = _best_row(metric, values)
    return {
        "last": float(values[-1]) if len(values) else None,
        "best": float(values[best]) if best is not None else None,
        "best_step": _whole(steps[best]) if best is not None else None,
        "table": metric.table,
        "unit": metric.unit,
        "better": metric.better,
    }


def _whole(step: float) -> int | None:
    return int(step) if math.isfinite(step) else None


def _best_row(metric: Metric, values: np.ndarray) -> int | None:
    """Return the first row with the best number.

    None where no end is better, or nothing but NaN was recorded.
    """
    finite = np.flatnonzero(np.isfinite(values))
    if not metric.better or not len(finite):
        return None
    chosen = np.argmax(values[finite]) if metric.better == "high" else np.argmin(values[finite])
    return int(finite[chosen])


def read_launch(run: Run) -> dict[str, Any]:
    """Return the launcher's record; {} where there is none, or the file is damaged."""
    try:
        return read_json_object(run.paths.launch)
    except (FormatError, OSError):
        return {}


def started_at(run: Run, launch: dict[str, Any]) -> float | None:
    """Return the unix seconds of the first sign of the run."""
    if run.manifest is not None:
        return run.manifest.created
    created = launch.get("created")
    return float(created) if isinstance(created, (int, float)) else None


def iso_time(seconds: float | None) -> str | None:
    """Return unix seconds as local time with its offset, 2026-02-25T14:03:09+01:00."""
    if seconds is None or not is_time(seconds):
        return None
    return datetime.datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def _data_name(run: Run) -> str | None:
    if run.manifest is None:
        return None
    data = run.manifest.config.get("data", {})
    return str(data.get("name")) if isinstance(data, dict) else None


def _samples(run: Run) -> dict[str, int] | None:
    """Return the number of samples in each split; None where the run does not record it."""
    counts = run.manifest.data.get("counts") if run.manifest is not None else None
    if not isinstance(counts, dict):
        return None
    return {str(split): count for split, count in counts.items() if is_count(count)}


def _left_out(run: Run) -> int:
    """Return the number of listed clips that were not trained on: missing, or of no use."""
    missing = run.manifest.data.get("missing", 0) if run.manifest is not None else 0
    return int(missing) if is_count(missing) else 0


def _protocol(run: Run) -> str | None:
    """Return the digest of the run's protocol, None where none was kept.

    Accuracies of runs with another digest do not compare.
    """
    protocol = run.manifest.data.get("protocol") if run.manifest is not None else None
    return str(protocol.get("digest")) if isinstance(protocol, dict) else None


def _protocol_fields(run: Run) -> dict[str, Any]:
    """Return the fields of the run's protocol by name, {} where none was kept."""
    protocol = run.manifest.data.get("protocol") if run.manifest is not None else None
    return dict(protocol) if isinstance(protocol, dict) else {}
