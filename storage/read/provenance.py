"""The provenance that a run records: versions, commits, the files of the user's own, its parent."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from asgml.storage.read.interventions import schedule_of

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


def provenance_of(run: Run) -> dict[str, Any]:
    """Return versions, git, code, numerics, parent and the command that trains the run again.

    Empty where a run has none.
    """
    manifest = run.manifest
    return {
        "versions": dict(manifest.versions) if manifest else {},
        "git": dict(manifest.git) if manifest else {},
        "code": [dict(each) for each in manifest.code] if manifest else [],
        "numerics": dict(manifest.numerics) if manifest else {},
        "parent": manifest.parent if manifest else None,
        "repeat": repeat_command(run),
    }


def repeat_command(run: Run) -> str | None:
    """Return the command that trains the same run again, None for an external training loop's."""
    # a loop records only the settings that act in it: batches are its own
    if run.manifest is None or "batch_size" not in run.manifest.config:
        return None
    steered = bool(schedule_of(run).interventions)
    schedule = ["--schedule-from", str(run.paths.root)] if steered else []
    return shlex.join(["asgml", *_training(run), *schedule])


def _training(run: Run) -> list[str]:
    parent = run.manifest.parent if run.manifest else None
    if not parent:
        return ["train", str(run.paths.config)]
    changes = parent.get("changes")
    changed = changes.items() if isinstance(changes, dict) else ()
    sets = [("--set", f"{key}={_typed(change)}") for key, change in changed]
    at = ["--at", str(parent.get("step"))]
    return ["fork", str(parent.get("path")), *at, *(word for pair in sets for word in pair)]


def _typed(change: Any) -> str:
    """Return the value after a change as `--set` takes it."""
    after = change.get("after") if isinstance(change, dict) else change
    return after if isinstance(after, str) else json.dumps(after)
