"""The manifest: the description of a run, in the attributes of its store before the first row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from asgml.storage.format.knobs import Knob, knob_from_json, knob_to_json
from asgml.storage.format.metrics import (
    METRICS,
    TABLES,
    Metric,
    columns_of,
    metric_from_json,
    metric_to_json,
)

FORMAT = "asgml-run"
VERSION = 1


class FormatError(Exception):
    """The store is no run, or of a version that this program does not know. One line."""


@dataclass(frozen=True)
class Manifest:
    """Everything that a reader needs to draw a run.

    `config` is the complete configuration as in run.toml. `total_steps` is 0 where it is unknown.
    `parts` describes the modulators: `{"name", "summary", "window": [first, last] | None}` each.
    """

    name: str
    created: float
    config: dict[str, Any]
    modalities: Sequence[str]
    classes: Sequence[str]
    knobs: Sequence[Knob] = ()
    metrics: Sequence[Metric] = METRICS
    total_steps: int = 0
    total_epochs: int = 0
    steps_per_epoch: int = 0
    method: str = ""
    parts: Sequence[dict[str, Any]] = ()
    data: dict[str, Any] = field(default_factory=dict)
    device: str = ""
    seed: int = 0
    host: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    git: dict[str, Any] = field(default_factory=dict)
    parent: dict[str, Any] | None = None

    def columns(self, table: str) -> list[str]:
        """Return the column names of a table, axes first."""
        return columns_of(table, self.metrics, self.modalities)

    def to_json(self) -> dict[str, Any]:
        """Return the store's attributes."""
        record = asdict(self)
        record["metrics"] = [metric_to_json(metric) for metric in self.metrics]
        record["knobs"] = [knob_to_json(knob) for knob in self.knobs]
        return {
            "format": FORMAT,
            "version": VERSION,
            "tables": {table: self.columns(table) for table in TABLES},
            **record,
        }


def manifest_from_json(record: dict[str, Any]) -> Manifest:
    """Return the manifest of a store's attributes. Raise FormatError for none that can be read."""
    if record.get("format") != FORMAT:
        raise FormatError(
            f"not a run: the attribute `format` is {record.get('format')!r}, expected {FORMAT!r}"
        )
    version = record.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise FormatError(
            f"run format version {version}, this program reads up to {VERSION}; "
            "install a newer asgml"
        )
    try:
        return _manifest_from_known(record)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise FormatError(f"the manifest of this run cannot be read: {problem}") from error


def _manifest_from_known(record: dict[str, Any]) -> Manifest:
    known = {key: record[key] for key in Manifest.__dataclass_fields__ if key in record}
    known["metrics"] = tuple(metric_from_json(item) for item in record.get("metrics", ()))
    known["knobs"] = tuple(knob_from_json(item) for item in record.get("knobs", ()))
    return Manifest(**known)
