"""The ranking of rows over several data sets: the same labels in four tables or more."""

from __future__ import annotations

import math

from asgml.app.reports.content import Report
from asgml.app.reports.results import values_of
from asgml.app.reports.wording import listed, p_text
from asgml.storage.statistics.estimate import estimate
from asgml.storage.statistics.ranks import FEWEST_METHODS, FEWEST_SETS, Ranking, rank_methods


def ranking_of(report: Report) -> Ranking | None:
    """Return the ranking of the rows that all parts have; None below 4 parts or 3 such rows.

    The means are those of each part's own metric. Parts of which some are better high and some
    better low are turned, so that the ranks mean the same.
    """
    if len(report.parts) < FEWEST_SETS:
        return None
    means = {
        f"{index}": {
            row.label: _sign(part.better) * estimate(values_of(row).values()).mean
            for row in part.rows
        }
        for index, part in enumerate(report.parts)
    }
    ranking = rank_methods(means)
    return ranking if len(ranking.ranks) >= FEWEST_METHODS else None


def ranking_text(report: Report) -> str:
    """Return the ranking in words; "" where there is none."""
    ranking = ranking_of(report)
    if ranking is None:
        return ""
    best = next(iter(ranking.ranks))
    ranks = ", ".join(f"{label} {rank:.2f}" for label, rank in ranking.ranks.items())
    said = f"Mean ranks over {ranking.n} data sets (1 is best): {ranks}. "
    if math.isfinite(ranking.p):
        said += (
            f"Friedman's test that all are alike: p {p_text(ranking.p)}; rows whose ranks lie "
            f"{ranking.critical_difference:.2f} or more apart differ (Nemenyi, 5 %). "
        )
    alike = next((group for group in ranking.groups if best in group), (best,))
    if len(alike) > 1:
        said += f"No difference was seen between {listed(alike)}."
    else:
        said += f"{best} is ahead of all others."
    if ranking.left_out:
        said += f" Left out, for want of a value in every table: {listed(ranking.left_out)}."
    return said


def _sign(better: str) -> int:
    return -1 if better == "low" else 1
