"""The table of groups: runs that differ in nothing but the seed are one line, mean ± spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from asgml.app.commands.run_columns import NAME_LEAST, RANKS, VALUES, age, measured, rank_of, shown
from asgml.app.commands.run_query import RunQuery
from asgml.app.commands.table_lines import Column
from asgml.storage.format.safe_text import one_line
from asgml.storage.runs.columns import differing_settings, headings
from asgml.storage.runs.group_values import GroupValue, shared_value, value_of_group
from asgml.storage.runs.groups import RunGroup, group_records, seeds_text
from asgml.storage.runs.lookup import is_metric
from asgml.storage.runs.order import falls, sort_records, sorted_by
from asgml.storage.runs.record import RunRecord

SIGNS = {"finished": "✓", "running": "●", "failed": "✗", "crashed": "✗", "diverged": "✗"}
"""State → sign; any other state is ○."""


def groups_of(records: Sequence[RunRecord], query: RunQuery) -> list[RunGroup]:
    """Return the groups in the order asked for: by their mean, or by the value that all share."""
    groups = group_records(records)
    name = query.best or query.sort
    if not name:
        return groups
    bare = name.lstrip("+-")

    def value(group: RunGroup) -> Any:
        found = value_of_group(group, bare)
        return found.mean if found.n else shared_value(group, bare)

    return sorted_by(groups, value, falls(records, name))


def best_of_each(groups: Sequence[RunGroup], query: RunQuery) -> list[RunRecord]:
    """Return the best run of each group, in the order of the groups' best."""
    best = [sort_records(group.records, query.best)[0] for group in groups]
    return sort_records(best, query.best)


def group_columns(groups: Sequence[RunGroup], names: Sequence[str]) -> list[Column]:
    """Return the columns of a table of groups; `names`: those asked for, () for the usual ones."""
    wanted = [name for name in names if name != "name"]
    if wanted:
        short = headings(wanted)
        own = [_values(groups, name, short[name], 1) for name in wanted]
    else:
        own = _usual(groups)
    return [_texts("run", [one_line(group.name) for group in groups], NAME_LEAST), *own]


def group_json(group: RunGroup, names: Sequence[str]) -> dict[str, Any]:
    """Return a group as a record for JSON, with mean, std and n of the values asked for."""
    values = {name: value_of_group(group, name) for name in names or VALUES}
    return {
        "name": group.name,
        "runs": [record.name for record in group.records],
        "states": [record.state for record in group.records],
        "seeds": [record.seed for record in group.records],
        "protocol": group.records[0].protocol,
        "settings": dict(group.settings),
        "values": {name: value._asdict() for name, value in values.items()},
    }


def spread(value: GroupValue, runs: int) -> str:
    """Return `0.714 ±0.017`; with the number of runs where that is not all of the group."""
    if not value.n:
        return "–"
    text = _short(value.mean) + (f" ±{_short(value.std)}" if math.isfinite(value.std) else "")
    return f"{text} ({value.n})" if value.n < runs else text


def _usual(groups: Sequence[RunGroup]) -> list[Column]:
    settings = differing_settings([group.records[0] for group in groups])
    short = headings(settings)
    every = [record for group in groups for record in group.records]
    newest = [max((run.updated or 0.0) for run in group.records) for group in groups]
    return [
        _texts("state", [_states(group) for group in groups]),
        _values(groups, "epoch", "epoch", RANKS["epoch"]),
        *(_values(groups, key, short[key], rank_of(key)) for key in settings),
        *(_values(groups, name, name, RANKS.get(name, 0)) for name in measured(every)),
        Column("when", [age(each or None) for each in newest], RANKS["when"], right=True),
        Column("seeds", [seeds_text(group.seeds) or "–" for group in groups], RANKS["seed"]),
    ]


def _values(groups: Sequence[RunGroup], name: str, heading: str, rank: int) -> Column:
    cells = [_epochs(group) if name == "epoch" else _cell(group, name) for group in groups]
    right = any(value_of_group(group, name).n for group in groups)
    return Column(one_line(heading), cells, rank, right, least=0 if right else 8)


def _cell(group: RunGroup, name: str) -> str:
    """Return mean and spread of what was measured, or the setting or fact that all runs share."""
    measured = is_metric(group.records, name)
    shared = None if measured else shared_value(group, name)
    spread_ = spread(value_of_group(group, name), len(group.records))
    return spread_ if shared is None else shown(shared)


def _texts(heading: str, cells: Sequence[str], least: int = 0) -> Column:
    return Column(heading, cells, least=least)


def _states(group: RunGroup) -> str:
    signs = [SIGNS.get(record.state, "○") for record in group.records]
    return " ".join(f"{sign} {signs.count(sign)}" for sign in dict.fromkeys(signs))


def _epochs(group: RunGroup) -> str:
    done = [run.epoch + 1 if run.step and run.epoch is not None else 0 for run in group.records]
    return str(done[0]) if min(done) == max(done) else f"{min(done)}–{max(done)}"


def _short(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.4g}"
