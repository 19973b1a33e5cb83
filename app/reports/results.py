"""The results of a part: its table of statistics, computed from the values of its cells alone."""

from __future__ import annotations

import math
from collections.abc import Mapping

from asgml.app.reports.content import BEST_ON_TEST, METRIC, VAL, Part, Row
from asgml.storage.statistics.estimate import Estimate, estimate
from asgml.storage.statistics.paired import PairedDifference, paired_difference
from asgml.storage.statistics.result import Result
from asgml.storage.statistics.result_table import ResultRow, ResultTable, RowResults, make_table


def results_of(part: Part) -> ResultTable:
    """Return the table of statistics, its rows in the order of the plan."""
    baseline = part.baseline if find_row(part, part.baseline) else ""
    rows = [_row_results(part, row) for row in part.rows]
    return make_table(part.title, part.metric, part.better, baseline, rows)


def find_row(part: Part, label: str) -> Row | None:
    """Return the row of this label, None for no label."""
    return next((row for row in part.rows if label and row.label == label), None)


def values_of(row: Row, name: str = METRIC) -> Mapping[int, float]:
    """Return the finite values of a row's cells by seed."""
    found = {cell.seed: cell.values.get(name) for cell in row.cells}
    return {
        seed: value for seed, value in found.items() if value is not None and math.isfinite(value)
    }


def validation_of(row: Row) -> Estimate:
    """Return the estimate of what validation chose by, over the seeds that count."""
    return estimate(_beside(row, VAL))


def difference(ours: Row, other: Row) -> PairedDifference:
    """Return ours minus the other, over the seeds that both have."""
    return paired_difference(values_of(ours), values_of(other))


def leading_row(part: Part) -> Row | None:
    """Return the row with the best mean, the first of equal ones; None without a value."""
    sign = -1 if part.better == "low" else 1
    means = [(row, estimate(values_of(row).values()).mean) for row in part.rows]
    known = [(row, sign * mean) for row, mean in means if math.isfinite(mean)]
    return max(known, key=lambda pair: pair[1])[0] if known else None


def best_row(part: Part, table: ResultTable) -> Row | None:
    """Return the row that is ahead of every other one by more than the interval, None for none.

    A row that may not be compared is no such row; nor does it stand in the way of one.
    """
    comparable = {row.label for row in table.rows if not row.mark}
    leading = leading_row(part)
    others = [row for row in part.rows if row is not leading and values_of(row)]
    others = [row for row in others if row.label in comparable]
    if leading is None or leading.label not in comparable or not others:
        return None
    ahead = [is_ahead(difference(leading, row), part.better) for row in others]
    return leading if all(ahead) else None


def is_ahead(found: PairedDifference, better: str) -> bool:
    """Return True where the whole interval lies on the good side of zero."""
    return found.high < 0 if better == "low" else found.low > 0


def result_row(table: ResultTable, label: str) -> ResultRow:
    """Return the row of this label. Raise KeyError for none."""
    found = table.row(label)
    if found is None:
        raise KeyError(label)
    return found


def _row_results(part: Part, row: Row) -> RowResults:
    results = {
        cell.seed: Result(
            cell.run,
            cell.values.get(METRIC, math.nan),
            cell.why,
            part.protocols.get(cell.protocol, {}),
            cell.protocol or None,
        )
        for cell in row.cells
        if cell.run
    }
    asked = tuple(cell.seed for cell in row.cells)
    return RowResults(
        row.label, row.settings, results, asked, row.declared, _beside(row, BEST_ON_TEST)
    )


def _beside(row: Row, name: str) -> list[float]:
    """Return the values that stand beside the chosen one, of the same runs."""
    chosen = values_of(row)
    return [value for seed, value in values_of(row, name).items() if seed in chosen]
