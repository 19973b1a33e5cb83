"""Labels of a run: title, tags, note, archived; kept beside run.toml, never in the manifest."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from asgml.storage.format.labels_file import read_labels_file, write_labels_file
from asgml.storage.format.layout import RunPaths
from asgml.storage.runs.record import RunLabels

NO_LABELS = RunLabels()


def read_labels(paths: RunPaths) -> RunLabels:
    """Return the labels of a run, empty ones where there are none that can be read."""
    record = read_labels_file(paths.labels)
    return _labels_from(record) if record else NO_LABELS


def _labels_from(record: dict[str, Any]) -> RunLabels:
    return RunLabels(
        title=record.get("title", ""),
        tags=tuple(record.get("tags", ())),
        note=record.get("note", ""),
        archived=record.get("archived", False),
    )


def write_labels(paths: RunPaths, labels: RunLabels) -> None:
    """Replace the labels of a run. Raise OSError where its directory cannot be written."""
    write_labels_file(paths.labels, asdict(labels))
