"""`asgml label` and `asgml rename`: the user's own marks on runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from asgml.app.errors import RejectedError, RunFailedError, UserError
from asgml.app.lookup import find_to_change
from asgml.app.output import print_json
from asgml.app.preferences import runs_directory
from asgml.storage.format.labels_file import MAX_TAGS, MAX_TEXT
from asgml.storage.format.layout import RunPaths, name_in
from asgml.storage.format.safe_text import one_line, safe
from asgml.storage.runs.labels import (
    LabelsRefusedError,
    read_labels,
    refuse_labelling,
    write_labels,
)
from asgml.storage.runs.record import RunLabels


@dataclass(frozen=True)
class Changes:
    """What is to change in the labels of each run; None leaves as it is."""

    tags: tuple[str, ...] = ()
    untags: tuple[str, ...] = ()
    note: str | None = None
    title: str | None = None
    archived: bool | None = None


def label(run_refs: Sequence[str], runs: Path | None, changes: Changes, json_: bool) -> int:
    """Change the labels of runs, all or none of which exist; print what they are then."""
    _refuse_unfit(changes)
    # all are found before any changes: a typing error leaves no half of it done
    found = [find_to_change(run_ref, runs) for run_ref in run_refs]
    labels = {paths: changed(read_labels(paths), changes) for paths in found}
    if changes != Changes():
        for paths in found:
            _refuse_labelling(paths)
        for paths, new in labels.items():
            _write(paths, new)
    folder = runs_directory(runs)
    if json_:
        print_json([{"name": name_in(folder, p), **asdict(new)} for p, new in labels.items()])
    else:
        for paths, new in labels.items():
            print(one_line(f"{name_in(folder, paths)}: {_text(new)}"))
    return 0


def changed(labels: RunLabels, changes: Changes) -> RunLabels:
    """Return the labels with the changes made; a tag stands once, in the order it came."""
    tags = tuple(dict.fromkeys((*labels.tags, *changes.tags)))
    return replace(
        labels,
        tags=tuple(tag for tag in tags if tag not in changes.untags),
        note=labels.note if changes.note is None else changes.note,
        title=labels.title if changes.title is None else changes.title,
        archived=labels.archived if changes.archived is None else changes.archived,
    )


def _refuse_unfit(changes: Changes) -> None:
    for tag in changes.tags:
        if not tag or tag != safe(tag) or len(tag.split()) != 1:
            raise UserError(f"a tag is one word of printable characters, not {tag!r:.60}")
    if len(changes.tags) > MAX_TAGS:
        raise UserError(f"{len(changes.tags)} tags, at most {MAX_TAGS}")
    title = changes.title or ""
    if title != one_line(title) or title == "latest" or "/" in title or len(title) > 200:
        raise UserError(
            f"a title is one line of at most 200 printable characters without /, not {title!r:.60}"
        )
    if len(changes.note or "") > MAX_TEXT:
        raise UserError(f"a note of {len(changes.note or '')} characters, at most {MAX_TEXT}")


def _refuse_labelling(paths: RunPaths) -> None:
    try:
        refuse_labelling(paths)
    except LabelsRefusedError as error:
        raise RejectedError(str(error)) from None


def _write(paths: RunPaths, labels: RunLabels) -> None:
    if len(labels.tags) > MAX_TAGS:
        raise RejectedError(f"{paths.name}: {len(labels.tags)} tags, at most {MAX_TAGS}")
    try:
        write_labels(paths, labels)
    except OSError as error:
        raise RunFailedError(f"{paths.labels} cannot be written: {error.strerror}") from None


def _text(labels: RunLabels) -> str:
    parts = [f"title {labels.title}" if labels.title else ""]
    parts += [f"tags {', '.join(labels.tags)}" if labels.tags else ""]
    parts += [f"note {labels.note}" if labels.note else ""]
    parts += ["archived" if labels.archived else ""]
    return "; ".join(part for part in parts if part) or "no labels"
