"""The record of a run from what was read of it once, and from what is true of it now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.scan import FoundRun
from asgml.storage.format.status import HEAD_SLOTS, head_from_slots
from asgml.storage.read import liveness
from asgml.storage.runs.index_file import Row
from asgml.storage.runs.labels import read_labels
from asgml.storage.runs.lazy import Decode, LazyMapping, json_object
from asgml.storage.runs.reading import Content
from asgml.storage.runs.record import Observed, RunRecord

HEAD_BYTES = 8 * HEAD_SLOTS
_FIELDS = (
    "step", "epoch", "total_steps", "total_epochs", "started", "updated", "seconds", "method",
    "seed", "data", "device", "host", "protocol", "parent", "versions", "git",
)  # fmt: skip


def record_from(run: FoundRun, row: Row, now_ns: int) -> RunRecord:
    """Return the record of a run as it is at a unix time in ns."""
    content, facts = row.content, json_object(row.content.facts)
    paths = RunPaths(Path(run.root))
    state = _state(paths, facts, row.stamp, now_ns)
    return RunRecord(
        path=paths.root,
        name=run.name,
        state=state,
        settings=LazyMapping(content.settings),
        metrics=LazyMapping(content.metrics, _observed),
        chosen=LazyMapping(content.chosen),
        problems=tuple(facts.get("problems", ())),
        labels=read_labels(paths),
        summary=LazyMapping(content.summary, _summary_of(paths, state, content)),
        **{name: facts[name] for name in _FIELDS if name in facts},
    )


def _state(paths: RunPaths, facts: dict[str, Any], stamp: bytes, now_ns: int) -> str:
    """Return the state, concluded anew: nothing in the run says that its process has died."""
    if facts.get("state") == "unreadable":
        return "unreadable"
    # a store that was opened between the stamp and the reading has no head in the stamp
    if facts.get("pid") is None or len(stamp) < HEAD_BYTES:
        return liveness.state_without_store(paths, now_ns)
    # an ended run is only looked at again where another process was started to resume it
    if facts["ended"] and facts["launch_pid"] in (None, facts["pid"]):
        return str(facts["state"])
    head = head_from_slots(memoryview(stamp[-HEAD_BYTES:]).cast("q").tolist())
    host, median = str(facts["writer_host"]), float(facts["median_seconds"])
    return liveness.state_of(head, host, now_ns, lambda: median, paths)


def _observed(text: str) -> dict[str, Observed]:
    """Return column → what was observed of it."""
    return {
        column: Observed(last, best, step, better, table)
        for column, (last, best, step, table, _, better) in json_object(text).items()
    }


def _summary_of(paths: RunPaths, state: str, content: Content) -> Decode:
    """Return the decoder of a summary, which has the keys of `asgml show --json`."""

    def decode(text: str) -> dict[str, Any]:
        names = ("last", "best", "best_step", "table", "unit", "better")
        metrics = {
            column: dict(zip(names, values, strict=True))
            for column, values in json_object(content.metrics).items()
        }
        summary = {"path": str(paths.root), "state": state, **json_object(text)}
        return summary if state == "unreadable" else {**summary, "metrics": metrics}

    return decode
