"""The manifest: what a run is, written once into the attributes of its store before the first row."""

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
    """The store is not a run, or of a version this program does not know."""


@dataclass(frozen=True)
class Manifest:
    """What a reader needs to draw a run it has never heard of.

    `config` is the complete configuration as in run.toml. `total_steps` is 0 where it is not known.
    `parts` describes the modulators: one `{"name", "summary", "window": [first, last] | None}` each.
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
        """Column names of one of the tables steps, probes, epochs, system."""
        return columns_of(table, self.metrics, self.modalities)

    def to_json(self) -> dict[str, Any]:
        """The store's attributes. NaN and infinity have no place in it."""
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
    """Reads the store's attributes. Raises FormatError where they are not those of a run this program can read."""
    if record.get("format") != FORMAT:
        raise FormatError(
            f"not a run: the attribute `format` is {record.get('format')!r}, expected {FORMAT!r}"
        )
    if not isinstance(record.get("version"), int) or record["version"] > VERSION:
        raise FormatError(
            f"run format version {record.get('version')}, this program reads up to {VERSION}; install a newer asgml"
        )
    try:
        return _manifest_from_known(record)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise FormatError(
            f"the manifest of this run cannot be read: {type(error).__name__}: {error}"
        ) from error


def _manifest_from_known(record: dict[str, Any]) -> Manifest:
    known = {key: record[key] for key in Manifest.__dataclass_fields__ if key in record}
    known["metrics"] = tuple(metric_from_json(item) for item in record.get("metrics", ()))
    known["knobs"] = tuple(knob_from_json(item) for item in record.get("knobs", ()))
    return Manifest(**known)
