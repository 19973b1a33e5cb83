"""`asgml runs`: the table of runs, or of groups of runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asgml.app.commands.run_query import RunQuery, select
from asgml.app.errors import NotFoundError, narrate
from asgml.app.output import print_json
from asgml.app.preferences import runs_directory
from asgml.storage.format.layout import RunNotFoundError
from asgml.storage.format.safe_text import one_line
from asgml.storage.runs.index import read_records
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.trials import without_trials

PIPED_WIDTH = 200
"""Columns where the output is no terminal, so that little is left out."""


def runs(runs: Path | None, json_: bool, query: RunQuery) -> int:
    """Print a line for each run or group; as JSON everything that `show --json` has."""
    folder = runs_directory(runs)
    try:
        every = read_records(folder, archived=True)
    except RunNotFoundError as error:
        raise NotFoundError(str(error)) from None
    unarchived = [record for record in every if query.archived or not record.labels.archived]
    current = unarchived if query.trials else without_trials(unarchived)
    chosen = select(current, query)
    if not chosen and not json_:
        narrate(_nothing(folder, len(every), len(unarchived), len(current)))
    elif query.group:
        _groups(chosen, query, json_)
    else:
        _runs(chosen, query, json_, len(current), len(every) - len(unarchived))
    if trials := len(unarchived) - len(current):
        narrate(
            f"{trials} tuning trial{'s are' if trials > 1 else ' is'} hidden; --trials shows "
            f"{'them' if trials > 1 else 'it'}"
        )
    return 0


def _runs(
    chosen: Sequence[RunRecord], query: RunQuery, json_: bool, current: int, archived: int
) -> None:
    """Print the chosen of `current` runs, and how many others there are."""
    shown = chosen[: 1 if query.best else query.limit or None]
    if json_:
        print_json([record_json(record) for record in shown])
    else:
        _print_runs(shown, query)
        _print_counts(len(shown), len(chosen), current, archived)


def record_json(record: RunRecord) -> dict[str, Any]:
    """Return a run as a record for JSON: its summary, settings, chosen values and labels."""
    labels = record.labels
    return {
        **record.summary,
        "name": record.name,
        "state": record.state,
        "title": labels.title,
        "tags": list(labels.tags),
        "note": labels.note,
        "archived": labels.archived,
        "updated": record.updated,
        "seconds": record.seconds,
        "chosen": dict(record.chosen),
        "settings": dict(record.settings),
    }


def _groups(records: Sequence[RunRecord], query: RunQuery, json_: bool) -> None:
    from asgml.app.commands.run_groups import best_of_each, group_columns, group_json, groups_of

    groups = groups_of(records, query)
    if query.best:
        best = best_of_each(groups, query)[: query.limit or None]
        if json_:
            print_json([record_json(record) for record in best])
        else:
            _print_runs(best, query)
        return
    groups = groups[: query.limit or None]
    if json_:
        print_json([group_json(group, query.columns) for group in groups])
    else:
        _print_table(group_columns(groups, query.columns))
        _print_same([record for group in groups for record in group.records])


def _print_runs(records: Sequence[RunRecord], query: RunQuery) -> None:
    from asgml.app.commands.run_columns import chosen_columns, default_columns

    if query.columns:
        _print_table(chosen_columns(records, query.columns))
    else:
        _print_table(default_columns(records))
        _print_same(records)


def _print_table(columns: Sequence[Any]) -> None:
    import sys

    from asgml.app.commands.table_lines import fitting, table_lines
    from asgml.app.output import colours_wanted, terminal_width

    width = terminal_width() if sys.stdout.isatty() else PIPED_WIDTH
    kept = fitting(columns, width)
    print("\n".join(table_lines(kept, width, colours_wanted())), flush=True)
    left_out = [column.heading for column in columns if column not in kept]
    if left_out:
        narrate(f"no room for {', '.join(left_out)}: widen the terminal, or choose with --columns")


def _print_same(records: Sequence[RunRecord]) -> None:
    """Say once what is the same in all runs, where there are several."""
    from asgml.app.commands.run_columns import shown
    from asgml.storage.runs.columns import same_settings

    same = same_settings(records) if len(records) > 1 else {}
    if "data.name" in same:  # the folder of the data tells little, and takes the line
        same["data.name"] = str(same["data.name"]).rpartition("/")[2]
    if same:
        narrate("same in all: " + ", ".join(f"{key} {shown(value)}" for key, value in same.items()))


def _print_counts(shown: int, chosen: int, current: int, archived: int) -> None:
    parts = [f"{shown} of {current} runs"] if shown < current else []
    parts += [f"{chosen - shown} more pass the filters"] if shown < chosen < current else []
    parts += [f"{archived} archived (--archived)"] if archived else []
    if parts:
        narrate("; ".join(parts))


def _nothing(folder: Path, every: int, unarchived: int, current: int) -> str:
    """Return why no run is listed. `current`: the unarchived runs that are no tuning trials."""
    if current:
        return f"none of {current} runs in {one_line(folder)} passes the filters"
    if unarchived:
        others = f", and {every - unarchived} archived (--archived)" if every > unarchived else ""
        return f"no runs in {one_line(folder)} but tuning trials{others}"
    if every:
        return f"all {every} runs in {one_line(folder)} are archived; --archived shows them"
    return f"no runs in {folder}; start one with `asgml train`"
