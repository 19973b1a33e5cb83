"""The verdict of a part in three sentences, none of which says more than its interval."""

from __future__ import annotations

import math

from asgml.app.reports.checklist import checklist_of
from asgml.app.reports.content import METRIC, Part
from asgml.app.reports.results import best_row, is_ahead, leading_row, result_row, results_of
from asgml.app.reports.wording import count, listed, metric_name
from asgml.storage.statistics.result_table import ResultRow, ResultTable
from asgml.storage.statistics.words import LEVEL, can_tell, mean_text, scale_of, sentence

NAMED = 4
"""Most rows that a sentence names one by one."""


def verdict_of(part: Part) -> list[str]:
    """Return three sentences: the leading row, all rows against the baseline, what is missing."""
    table = results_of(part)
    return [_leading(part, table), _against_baseline(part, table), _reliability(part)]


def _leading(part: Part, table: ResultTable) -> str:
    leading = leading_row(part)
    if leading is None:
        return f"No run has a value of {metric_name(part.metric)} yet."
    found = result_row(table, leading.label)
    unit = " %" if scale_of(part.metric)[0] != 1 else ""
    reached = (
        f"{found.label} has the {'lowest' if part.better == 'low' else 'highest'} mean "
        f"{metric_name(part.metric)}, {mean_text(found.estimate, part.metric)}{unit} over "
        f"{count(found.estimate.n, 'seed')}"
    )
    if best_row(part, table) is leading:
        return f"{reached}, ahead of every other row by more than its interval."
    if found.difference is None:
        others = len([row for row in table.rows if row.estimate.n]) > 1
        return f"{reached}{', though not by more than the interval' if others else ''}."
    said = sentence(found.difference, part.metric, better=part.better, p_holm=found.p_holm)
    return f"{reached}; against {part.baseline}: {said}."


def _against_baseline(part: Part, table: ResultTable) -> str:
    compared = [row for row in table.rows if row.difference is not None]
    if not compared:
        return "No row is named as the baseline, so no differences were tested."
    opposite = "low" if part.better == "high" else "high"
    better = [row for row in compared if _is_seen(row, part.better)]
    worse = [row for row in compared if _is_seen(row, opposite)]
    untold = [row for row in compared if row.difference and math.isnan(row.difference.low)]
    unseen = len(compared) - len(better) - len(worse) - len(untold)
    parts = [_group("better", better), _group("worse", worse)]
    parts += [f"no difference was seen for {unseen}"] if unseen else []
    parts += [f"{len(untold)} cannot be told for want of an interval"] if untold else []
    rows = f"Of {count(len(compared), 'row')} compared with {part.baseline}"
    told = listed([text for text in parts if text])
    return f"{rows}, after Holm's correction, {told}{_power(part, compared)}."


def _group(word: str, found: list[ResultRow]) -> str:
    if not found:
        return ""
    names = f" ({listed([each.label for each in found])})" if len(found) <= NAMED else ""
    return f"{len(found)} {'is' if len(found) == 1 else 'are'} {word}{names}"


def _is_seen(row: ResultRow, better: str) -> bool:
    return row.difference is not None and row.p_holm <= LEVEL and is_ahead(row.difference, better)


def _power(part: Part, compared: list[ResultRow]) -> str:
    """Return what the number of seeds can tell, by the row in the middle."""
    found = [row.difference for row in compared if row.difference]
    known = sorted(
        (each for each in found if math.isfinite(each.detectable)), key=lambda e: e.detectable
    )
    if not known:
        return ""
    return f"; {can_tell(known[len(known) // 2], part.metric)} with 80 % power"


def _reliability(part: Part) -> str:
    cells = [cell for row in part.rows for cell in row.cells]
    absent = sum(METRIC not in cell.values for cell in cells)
    said = (
        f"{absent} of {count(len(cells), 'cell')} without a value"
        if absent
        else f"All {count(len(cells), 'cell')} have a value"
    )
    lacking = [item.name for item in checklist_of(part) if not item.done]
    if lacking:
        return f"{said}; the checklist of reliability lacks: {', '.join(lacking)}."
    return f"{said}, and the checklist of reliability is complete."
