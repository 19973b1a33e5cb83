"""The runs that refer to another: by a modality's reference in it, or as forks of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from asgml.storage.format.layout import RunNotFoundError, RunPaths, name_in
from asgml.storage.runs.index import read_records
from asgml.storage.runs.record import RunRecord


def runs_that_need(folder: Path, paths: RunPaths) -> list[str]:
    """Return the names of the runs in a folder that name this one as reference or as parent."""
    names = {name_in(folder, paths), str(paths.root), str(paths.root.resolve())}
    try:
        records = read_records(folder, archived=True)
    except RunNotFoundError:
        return []
    return [run.name for run in records if names & set(_named_by(run)) and run.path != paths.root]


def _named_by(record: RunRecord) -> Iterable[str]:
    """Yield the runs that a run names, as it names them."""
    if record.parent:
        yield str(record.parent.get("run"))
    for key, value in record.settings.items():
        if key.startswith("references."):
            yield str(value)
    references = record.summary.get("references")
    if isinstance(references, dict):
        for reference in references.values():
            yield str(reference.get("path")) if isinstance(reference, dict) else ""
