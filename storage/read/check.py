"""The check of a run: its configuration, its store against head and manifest, its checkpoints."""

from __future__ import annotations

import os
from pathlib import Path

from asgml.storage.format.errors import FormatError, NewerFormatError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import manifest_from_json
from asgml.storage.format.status import HEAD_KEY, HEAD_SLOTS, UNHEARD
from asgml.storage.read.checkpoint_check import damaged_checkpoints
from asgml.storage.read.finding import Finding, lost
from asgml.storage.read.reader import Run
from asgml.storage.read.run_config import config_difference, config_problem
from asgml.storage.read.store_check import store_findings
from asgml.storage.read.store_reader import StoreReader

__all__ = ["Finding", "check_run"]


def check_run(path: Path) -> list[Finding]:
    """Return what is wrong with the run in a directory; nothing for a whole one, also a live one.

    Raise RunNotFoundError where there is no run.
    """
    paths = RunPaths(path)
    try:
        run = Run.open(paths)
    except NewerFormatError as error:
        problem, _, remedy = str(error).partition("; ")
        return [Finding(problem, remedy)]
    except FormatError as error:
        return [*_config(paths, None), lost(str(error), paths.store.name)]
    if run.head is None:
        return [*_config(paths, run), *_without_head(run)]
    return [*_config(paths, run), *store_findings(run), *damaged_checkpoints(run)]


def _config(paths: RunPaths, run: Run | None) -> list[Finding]:
    manifest = run.manifest if run is not None else None
    problem = config_problem(paths, manifest)
    if not problem and manifest is not None and os.path.exists(paths.config):
        problem = config_difference(paths, manifest)
    return [lost(problem, paths.config.name)] if problem else []


def _without_head(run: Run) -> list[Finding]:
    """Return why nothing of a run is published; nothing for a trainer that is about to begin."""
    store = run.paths.store
    if run.problems:
        return [lost(problem, store.name) for problem in run.problems]
    try:
        attributes = StoreReader(store).attributes()
        if attributes is not None:
            manifest_from_json(attributes)
    except (FormatError, OSError) as error:
        return [lost(str(error), store.name)]
    if os.path.exists(store / HEAD_KEY):
        return [_damaged_head(store, has_manifest=attributes is not None)]
    if run.state() in UNHEARD:  # a trainer that is still loading its libraries
        return []
    again = "start the run again, the reason may be in trainer.log"
    if attributes is None:
        return [Finding(f"there is no {store.name}: nothing was recorded, or it is lost", again)]
    missing = lost(f"{store.name}/{HEAD_KEY} is missing", f"{store.name}/{HEAD_KEY}")
    return [Finding(missing.problem, f"{missing.remedy}; if nothing was recorded, {again}")]


def _damaged_head(store: Path, *, has_manifest: bool) -> Finding:
    head, manifest = f"{store.name}/{HEAD_KEY}", f"{store.name}/zarr.json"
    size = os.path.getsize(store / HEAD_KEY)
    if size != 8 * HEAD_SLOTS:
        return lost(f"{head} holds {size} bytes, expected {8 * HEAD_SLOTS}", head)
    if not has_manifest:
        return lost(f"{manifest} is missing", manifest)
    return lost(f"{head} holds no mark: it was never written, or is lost", head)
