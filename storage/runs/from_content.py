"""The record of a run from what was read of it once, and from what is true of it now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asgml.storage.format.head_file import HEAD_BYTES, head_of
from asgml.storage.format.labels_file import FILE
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.scan import NO_STAMP, FoundRun, file_stamp
from asgml.storage.read import liveness
from asgml.storage.runs.index_file import Row
from asgml.storage.runs.labels import NO_LABELS, read_labels
from asgml.storage.runs.lazy import Decode, LazyMapping, json_object
from asgml.storage.runs.packed_metrics import PackedMetrics, unpack
from asgml.storage.runs.reading import Content
from asgml.storage.runs.record import RunRecord

_FIELDS = (
    "step", "epoch", "total_steps", "total_epochs", "started", "updated", "seconds", "method",
    "seed", "data", "device", "host", "protocol", "parent", "versions", "git",
)  # fmt: skip


def record_from(run: FoundRun, row: Row, now_ns: int) -> RunRecord | None:
    """Return the record of a run as it is at a unix time in ns.

    None where the run has ended since its row was read, so that it has to be read again.
    """
    content, facts = row.content, json_object(row.content.facts)
    paths = RunPaths(Path(run.root))
    state = _state(paths, facts, row.stamp, now_ns)
    if state is None:
        return None
    return RunRecord(
        path=paths.root,
        name=run.name,
        state=state,
        settings=LazyMapping(content.settings),
        metrics=PackedMetrics(content.shape, content.numbers),
        chosen=LazyMapping(content.chosen),
        problems=tuple(facts.get("problems", ())),
        # asked first: most runs have none, and opening a file that is not there takes longer
        labels=read_labels(paths) if file_stamp(f"{run.root}/{FILE}") != NO_STAMP else NO_LABELS,
        summary=LazyMapping(content.summary, _summary_of(paths, state, content)),
        **{name: facts[name] for name in _FIELDS if name in facts},
    )


def _state(paths: RunPaths, facts: dict[str, Any], stamp: bytes, now_ns: int) -> str | None:
    """Return the state, concluded anew: nothing in the run says that its process has died."""
    if facts.get("state") == "unreadable":
        return "unreadable"
    # a store that was opened between the stamp and the reading has no head in the stamp
    if facts.get("pid") is None or len(stamp) < HEAD_BYTES:
        return liveness.state_without_store(paths, now_ns)
    # an ended run is only looked at again where another process was started to resume it
    if facts["ended"] and facts["launch_pid"] in (None, facts["pid"]):
        return str(facts["state"])
    head = head_of(stamp[-HEAD_BYTES:])
    if head is None:
        return None
    host, median = str(facts["writer_host"]), float(facts["median_seconds"])
    return liveness.state_of(head, host, now_ns, lambda: median, paths)


def _summary_of(paths: RunPaths, state: str, content: Content) -> Decode:
    """Return the decoder of a summary, which has the keys of `asgml show --json`."""

    def decode(text: str) -> dict[str, Any]:
        summary = {"path": str(paths.root), "state": state, **json_object(text)}
        if state == "unreadable":
            return summary
        return {**summary, "metrics": unpack(content.shape, content.numbers)}

    return decode
