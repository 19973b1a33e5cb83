"""The columns of the table of runs: one line a run, its numbers and what tells runs apart."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from asgml.app.commands.table_lines import Column
from asgml.app.table_text import STYLES, number, of_total
from asgml.storage.format.safe_text import one_line
from asgml.storage.format.value_text import duration
from asgml.storage.runs.columns import differing_settings, headings
from asgml.storage.runs.lookup import Value, is_known, is_metric, value_of
from asgml.storage.runs.record import RunRecord

VALUES = ("val", "test", "gap")
"""What the table is about, where no columns are asked for."""
RANKS = {"method": 1, "gap": 2, "when": 3, "seed": 4, "epoch": 4, "from": 5, "tags": 5}
SETTING_RANK = 6
"""Settings but the method are left out first, the last of them before the others."""
NAME_LEAST, TEXT_LEAST = 20, 12


def default_columns(records: Sequence[RunRecord]) -> list[Column]:
    """Return name, state, epoch, what differs, the values, and the rest that there is."""
    settings = differing_settings(records)
    short = headings(settings)
    shown = [key for key in settings if any(is_known(value_of(run, key)) for run in records)]
    rest = [("seed", "seed"), ("when", "updated")] if _differs(records, "seed") else []
    columns = [
        name_column(records),
        named_column(records, "state"),
        named_column(records, "epoch", rank=RANKS["epoch"]),
        *(named_column(records, key, short[key], rank_of(key)) for key in shown),
        *(named_column(records, name, rank=RANKS.get(name, 0)) for name in measured(records)),
    ]
    columns += [named_column(records, name, head, RANKS[head]) for head, name in rest]
    if not rest:
        columns.append(named_column(records, "updated", "when", RANKS["when"]))
    if any(record.parent for record in records):
        columns.append(Column("from", [_parent(run) for run in records], RANKS["from"], least=16))
    if any(record.labels.tags for record in records):
        columns.append(named_column(records, "tags", rank=RANKS["tags"]))
    return columns


def measured(records: Sequence[RunRecord]) -> list[str]:
    """Return the values that some run has; that of validation is always there."""
    known = [name for name in VALUES if any(is_known(value_of(run, name)) for run in records)]
    return known if VALUES[0] in known else [VALUES[0], *known]


def rank_of(setting: str) -> int:
    """Return the rank of a setting's column."""
    return RANKS.get(setting, SETTING_RANK)


def chosen_columns(records: Sequence[RunRecord], names: Sequence[str]) -> list[Column]:
    """Return the columns that were asked for, behind the name."""
    short = headings(names)
    others = [name for name in names if name != "name"]
    return [
        name_column(records),
        *(named_column(records, name, short[name], rank=1) for name in others),
    ]


def name_column(records: Sequence[RunRecord]) -> Column:
    """Return the column of names: the user's title where there is one; a fork has its mark."""
    texts = [
        one_line(record.labels.title or record.name) + (" ⑂" if record.parent else "")
        for record in records
    ]
    styles = ["dim" if record.labels.archived else "" for record in records]
    return Column("run", texts, least=NAME_LEAST, styles=styles)


def named_column(
    records: Sequence[RunRecord], name: str, heading: str = "", rank: int = 0
) -> Column:
    """Return the column of a fact, setting or metric."""
    values = [value_of(record, name) for record in records]
    cell = _CELLS.get(name)
    text = number_text if is_metric(records, name) else shown
    texts = [cell(run) if cell else text(v) for run, v in zip(records, values, strict=True)]
    numbers = name in _CELLS or any(_is_number(value) for value in values)
    styles = [STYLES.get(text, "") for text in texts] if name == "state" else ()
    right = numbers and name != "state"
    head = one_line(heading or name)
    return Column(head, texts, rank, right, least=0 if right else TEXT_LEAST, styles=styles)


def shown(value: Value) -> str:
    """Return a value as the text of a cell."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return one_line(number(value)) if is_known(value) else "–"


def number_text(value: Value) -> str:
    """Return a measured value with four decimals, so that those of a column stand in line."""
    usual = isinstance(value, float) and is_known(value) and 1e-3 <= abs(value) < 1e3
    return f"{value:.4f}" if usual else shown(value)


def age(seconds: float | None) -> str:
    """Return how long ago a unix time is, in one unit; the date where that is months."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    ago = time.time() - seconds
    for unit, length, most in (("s", 1, 60), ("min", 60, 60), ("h", 3600, 48), ("d", 86400, 60)):
        if ago < most * length:
            return "now" if ago < 60 else f"{ago / length:.0f} {unit}"
    return time.strftime("%Y-%m-%d", time.localtime(seconds)) if seconds >= 0 else "–"


def epoch_text(record: RunRecord) -> str:
    """Return the epoch counted from 1 and the number of them; 0 before the first step."""
    epoch = record.epoch + 1 if record.step and record.epoch is not None else record.epoch
    return of_total(epoch, record.total_epochs)


def _parent(record: RunRecord) -> str:
    if not record.parent:
        return ""
    step = record.parent.get("step")
    at = f" @ {step:,}".replace(",", " ") if isinstance(step, int) else ""
    return one_line(f"{record.parent.get('run', '?')}{at}")


def _seconds(record: RunRecord) -> str:
    return duration(record.seconds) if record.seconds is not None else "–"


def _differs(records: Sequence[RunRecord], name: str) -> bool:
    return len({value_of(record, name) for record in records}) > 1


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_CELLS: dict[str, Callable[[RunRecord], str]] = {
    "epoch": epoch_text,
    "seconds": _seconds,
    "parent": _parent,
    "state": lambda record: record.state,
    "started": lambda record: age(record.started),
    "updated": lambda record: age(record.updated),
}
