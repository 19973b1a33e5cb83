"""The manifest: the description of a run, in the attributes of its store before the first row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from asgml.storage.format import typed
from asgml.storage.format.errors import FormatError, NewerFormatError
from asgml.storage.format.knobs import Knob, knob_from_json, knob_to_json
from asgml.storage.format.metrics import AXES, METRICS, TABLES, Metric

__all__ = ["FORMAT", "VERSION", "FormatError", "Manifest", "manifest_from_json"]

FORMAT = "asgml-run"
VERSION = 1

_REQUIRED = ("name", "created", "config", "modalities", "classes")
_METRIC_REQUIRED = ("name", "table", "help")
_KNOB_REQUIRED = ("name", "type", "initial", "help")
_METRIC_TYPES: dict[str, typed.Check] = {
    **dict.fromkeys(("name", "table", "help", "unit", "panel", "better"), typed.is_text),
    **dict.fromkeys(("per_modality", "log"), typed.is_flag),
}
_KNOB_TYPES: dict[str, typed.Check] = {
    **dict.fromkeys(("name", "type", "help", "applies"), typed.is_text),
    **dict.fromkeys(("low", "high", "step"), typed.or_none(typed.is_number)),
    "initial": typed.is_value,
    "choices": typed.is_names,
}
_PART_TYPES: dict[str, typed.Check] = {
    **dict.fromkeys(("name", "summary"), typed.is_text),
    "window": typed.or_none(typed.is_pair),
}
_TYPES: dict[str, typed.Check] = {
    **dict.fromkeys(("name", "method", "device", "host"), typed.is_text),
    **dict.fromkeys(("modalities", "classes"), typed.is_names),
    **dict.fromkeys(("total_steps", "total_epochs", "steps_per_epoch"), typed.is_count),
    **dict.fromkeys(("config", "data", "versions", "git", "numerics"), typed.is_object),
    **dict.fromkeys(("metrics", "knobs", "parts", "code"), typed.is_list_of(typed.is_object)),
    "created": typed.is_time,
    "seed": typed.is_whole,
    "parent": typed.or_none(typed.is_object),
}


@dataclass(frozen=True)
class Manifest:
    """Everything that a reader needs to draw a run.

    `config` is the complete configuration as in run.toml. `total_steps` is 0 where it is unknown.
    `parts` describes the modulators: `{"name", "summary", "window": [first, last] | None}` each;
    `code` the files of the user's own: `{"use", "path", "sha256", "commit", "dirty"}` each.
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
    code: Sequence[dict[str, Any]] = ()
    numerics: dict[str, Any] = field(default_factory=dict)
    parent: dict[str, Any] | None = None

    def columns(self, table: str) -> list[str]:
        """Return the column names of a table, axes first."""
        return columns_of(table, self.metrics, self.modalities)

    def to_json(self) -> dict[str, Any]:
        """Return the store's attributes."""
        record = asdict(self)
        record["metrics"] = [asdict(metric) for metric in self.metrics]
        record["knobs"] = [knob_to_json(knob) for knob in self.knobs]
        return {
            "format": FORMAT,
            "version": VERSION,
            "tables": {table: self.columns(table) for table in TABLES},
            **record,
        }


def columns_of(table: str, metrics: Iterable[Metric], modalities: Sequence[str]) -> list[str]:
    """Return the column names of a table, axes first, in the order of the metrics."""
    columns = [
        column
        for metric in metrics
        if metric.table == table
        for column in metric.columns(modalities)
    ]
    return [*AXES, *columns]


def manifest_from_json(record: dict[str, Any]) -> Manifest:
    """Return the manifest of a store's attributes.

    Raise NewerFormatError for one of a later version, FormatError for none that can be read.
    """
    if record.get("format") != FORMAT:
        given = f"{record.get('format')!r:.60}"
        raise FormatError(f"not a run: the attribute `format` is {given}, expected {FORMAT!r}")
    version = record.get("version")
    if type(version) is not int:
        raise FormatError(f"the manifest is damaged: version cannot be {version!r:.60}")
    if version > VERSION:
        raise NewerFormatError(
            f"run format version {version}, this program reads up to {VERSION}; "
            "install a newer asgml"
        )
    _refuse_damaged(record)
    return _manifest_from_known(record)


def _refuse_damaged(record: dict[str, Any]) -> None:
    what = "the manifest is damaged"
    typed.refuse_other_types(record, _TYPES, _REQUIRED, what)
    for metric in record.get("metrics", ()):
        typed.refuse_other_types(metric, _METRIC_TYPES, _METRIC_REQUIRED, f"{what}: a metric")
    for knob in record.get("knobs", ()):
        typed.refuse_other_types(knob, _KNOB_TYPES, _KNOB_REQUIRED, f"{what}: a knob")
    for part in record.get("parts", ()):
        typed.refuse_other_types(part, _PART_TYPES, (), f"{what}: a part")


def _manifest_from_known(record: dict[str, Any]) -> Manifest:
    known = {key: record[key] for key in Manifest.__dataclass_fields__ if key in record}
    known["metrics"] = tuple(_metric_from_json(item) for item in record.get("metrics", ()))
    known["knobs"] = tuple(knob_from_json(item) for item in record.get("knobs", ()))
    return Manifest(**known)


def _metric_from_json(record: dict[str, Any]) -> Metric:
    """Return the metric of a manifest record; keys that a newer format added are ignored."""
    return Metric(**{key: record[key] for key in Metric.__dataclass_fields__ if key in record})
