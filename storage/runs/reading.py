"""The reading of one run into what an index keeps of it: JSON texts that make its record."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunNotFoundError, RunPaths
from asgml.storage.runs.packed_metrics import pack
from asgml.storage.runs.settings import flatten

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

UNREADABLE = (
    OSError, FormatError, RunNotFoundError, RuntimeError, ValueError, KeyError, TypeError,
    OverflowError, IndexError,
)  # fmt: skip
"""The errors of a run that someone else has written, or has damaged."""


class Content(NamedTuple):
    """What was read of a run, as JSON texts.

    `facts`: the fields of its record, and what its state follows from. `shape`, `numbers`: its
    metrics, packed. `summary`: that of `asgml show --json` without path, state and metrics.
    """

    facts: str
    settings: str
    shape: str
    numbers: str
    chosen: str
    summary: str


def read_content(paths: RunPaths) -> Content:
    """Read a run. A run that cannot be read has the state `unreadable` and a problem."""
    try:
        return _content(paths)
    except UNREADABLE as error:
        return unreadable(paths, " ".join(str(error).split()) or type(error).__name__)


def unreadable(paths: RunPaths, problem: str) -> Content:
    """Return the content of a run that cannot be read. `problem`: why, one line."""
    facts = {"state": "unreadable", "problems": [problem]}
    summary = {"name": paths.name, "problems": [problem]}
    return Content(_text(facts), "{}", *pack({}), "{}", _text(summary))


def _content(paths: RunPaths) -> Content:
    # zarr takes most of a second to import; a folder whose runs are all known needs none of it
    from asgml.storage.read.reader import Run
    from asgml.storage.read.summary import summarize
    from asgml.storage.runs.chosen import chosen_epoch

    run = Run.open(paths)
    summary = summarize(run)
    shape, numbers = pack(summary.pop("metrics"))
    facts = _facts(run, summary)
    del summary["path"], summary["state"]
    settings = flatten(run.manifest.config) if run.manifest else _configured(paths)
    chosen = _text(dict(chosen_epoch(run)))
    return Content(_text(facts), _text(settings), shape, numbers, chosen, _text(summary))


def _facts(run: Run, summary: dict[str, Any]) -> dict[str, Any]:
    from asgml.storage.read.liveness import read_launch as read_process
    from asgml.storage.read.summary import read_launch, started_at

    head, manifest = run.head, run.manifest
    process = read_process(run.paths)
    shared = ("step", "epoch", "total_steps", "total_epochs", "protocol", "problems")
    configured = {} if manifest else _configured(run.paths)
    return {
        **{name: summary[name] for name in shared},
        "state": head.state.label if head else "",
        "ended": bool(head and head.state.ended),
        "pid": head.pid if head else None,
        "launch_pid": process.pid if process else None,
        "writer_host": run.host,
        "median_seconds": run.median_step_seconds(),
        "started": started_at(run, read_launch(run)),
        "updated": head.heartbeat / 1e9 if head else None,
        "seconds": _seconds(run),
        "method": manifest.method if manifest else str(configured.get("method", "")),
        "seed": manifest.seed if manifest else _whole(configured.get("seed")),
        "data": str(summary["data"] or configured.get("data.name", "")),
        "device": manifest.device if manifest else "",
        "host": str(summary["host"] or ""),
        "parent": manifest.parent if manifest else None,
        "versions": dict(manifest.versions) if manifest else {},
        "git": dict(manifest.git) if manifest else {},
    }


def _configured(paths: RunPaths) -> dict[str, Any]:
    """Return the settings in run.toml, {} where there is none that can be read."""
    try:
        return flatten(tomllib.loads(read_bounded(paths.config).decode()))
    except (OSError, FormatError, ValueError, RecursionError):
        return {}


def _seconds(run: Run) -> float | None:
    timeline = run.timeline()
    return float(timeline[-1]) if len(timeline) else None


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def _text(value: Any) -> str:
    # ASCII: a lone surrogate, which no file or database takes, comes back as it was
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str)
