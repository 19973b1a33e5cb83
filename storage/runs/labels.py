"""Labels of a run: title, tags, note, archived; kept beside run.toml, never in the manifest."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from asgml.storage.format.labels_file import read_labels_file, write_labels_file
from asgml.storage.format.layout import RunPaths
from asgml.storage.runs.record import RunLabels

NO_LABELS = RunLabels()


class LabelsRefusedError(Exception):
    """A run whose labels must not, or cannot, be written. The message is one line."""


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


def refuse_labelling(paths: RunPaths) -> None:
    """Raise LabelsRefusedError for a link to a run, and for a directory in the file's place."""
    if os.path.islink(paths.root):
        raise LabelsRefusedError(
            f"{paths.root} is a link; give the path of the run itself to `asgml label`"
        )
    if os.path.isdir(paths.labels) and not os.path.islink(paths.labels):
        raise LabelsRefusedError(
            f"{paths.labels} is a directory, expected a file; rename or remove it"
        )


def write_labels(paths: RunPaths, labels: RunLabels) -> None:
    """Replace the labels of a run, never through a link.

    Raise LabelsRefusedError as `refuse_labelling`, OSError where its directory cannot be written.
    """
    refuse_labelling(paths)
    write_labels_file(paths.labels, asdict(labels))
