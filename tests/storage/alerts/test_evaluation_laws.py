"""Laws of the alert rules: the twin decides when they fire, and no batching changes it."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_twin import holds_at

from asgml.storage.alerts.evaluation import MOST_TOLD, Evaluation, Finding
from asgml.storage.alerts.rules import KINDS, WAYS, Rule, effective_rules, parse_rules
from asgml.storage.format.manifest import Manifest, columns_of
from asgml.storage.format.metrics import METRICS, TABLES

MODALITIES = ("audio", "visual")
COLUMNS = {str(table): columns_of(table, METRICS, MODALITIES) for table in TABLES}
small = st.integers(-3, 6).map(lambda n: n / 2)
positive = st.integers(1, 12).map(lambda n: n / 4)
counts = st.integers(1, 4)
RULES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "nan": st.just({"metric": "loss"}),
    "threshold": st.builds(
        lambda side, limit, n, metric: {side: limit, "for_steps": n, "metric": metric},
        st.sampled_from(["above", "below"]), small, counts, st.sampled_from(["loss", "accuracy"]),
    ),
    "plateau": st.builds(
        lambda n, least, metric: {"for_steps": n, "min_change": least, "metric": metric},
        counts, st.sampled_from([0.0, 0.5]), st.sampled_from(["loss", "accuracy"]),
    ),
    "diverging": st.builds(
        lambda n, factor, smooth, metric: {
            "for_steps": n, "factor": factor, "smooth": smooth, "metric": metric,
        },
        counts, st.sampled_from([1.5, 3.0]), st.integers(1, 4),
        st.sampled_from(["loss", "accuracy"]),
    ),
    "throughput": st.builds(
        lambda n, drop: {"for_steps": n, "drop": drop}, counts, st.sampled_from([0.25, 0.5])
    ),
    "probe_gap": st.builds(lambda n, above: {"for_steps": n, "above": above}, counts, small),
}  # fmt: skip


def rows_of(table: str, column: str, values: list[float]) -> np.ndarray:
    rows = np.full((len(values), len(COLUMNS[table])), math.nan)
    rows[:, 0] = np.arange(1, len(values) + 1)
    rows[:, COLUMNS[table].index(column)] = values
    return rows


def evaluate(rule: Rule, column: str, values: list[float], cuts: list[int]) -> list[Finding]:
    """The findings of a rule on one column, its rows given in pieces."""
    table = next(table for table in TABLES if column in COLUMNS[table])
    rows, evaluation = rows_of(table, column, values), Evaluation([rule], METRICS, COLUMNS)
    edges = [0, *sorted({min(cut, len(values)) for cut in cuts}), len(values)]
    pieces = [rows[a:b] for a, b in itertools.pairwise(edges)]
    return [finding for piece in pieces for finding in evaluation.add(table, piece)]


def expected(rule: Rule, values: list[float], sign: int) -> list[tuple[int, bool]]:
    """(step, over) by the twin: once an outage, and once at its end."""
    there = [
        (step, value)
        for step, value in enumerate(values, 1)
        if rule.kind == "nan" or not math.isnan(value)
    ]
    held = holds_at(rule, [value for _, value in there], sign)
    changes, before, times = [], False, 0
    for (step, _), now in zip(there, held, strict=True):
        if now != before:
            times += now
            changes += [(step, before)] if times <= MOST_TOLD else []
        before = now
    return changes


@pytest.mark.parametrize("kind", sorted(RULES))
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_rule_fires_where_its_definition_says_in_whatever_pieces_the_rows_come(
    kind: str, data: st.DataObject
) -> None:
    (rule,) = parse_rules([{"rule": kind, **data.draw(RULES[kind])}])
    number = positive if kind == "throughput" else st.one_of(small, st.just(math.nan))
    if kind == "nan":
        number = st.one_of(small, small, st.sampled_from([math.nan, math.inf, -math.inf]))
    # long enough that a block of step times closes
    values = data.draw(st.lists(number, max_size=50 if kind == "throughput" else 30))
    if kind == "throughput" and data.draw(st.booleans()):
        values = [1.0] * 32 + values
    cuts = data.draw(st.lists(st.integers(0, 120), max_size=6))
    column = rule.metric
    sign = 1 if column == "accuracy" else -1
    found = evaluate(rule, column, values, cuts)
    assert [(finding.step, finding.over) for finding in found] == expected(rule, values, sign)
    # as text: NaN is not equal to itself
    assert repr(found) == repr(evaluate(rule, column, values, []))


def test_every_kind_that_reads_numbers_is_under_this_law() -> None:
    assert set(RULES) == set(KINDS) - {"no_data", "ended", "failed", "diverged"}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), max_size=120))
def test_a_value_that_swings_is_told_so_often_and_no_more(swings: list[bool]) -> None:
    (rule,) = parse_rules([{"rule": "threshold", "metric": "loss", "above": 1}])
    found = evaluate(rule, "loss", [2.0 if high else 0.0 for high in swings], [])
    fired = [finding for finding in found if not finding.over]
    assert len(fired) <= MOST_TOLD
    assert all("told no more" not in finding.message for finding in fired[: MOST_TOLD - 1])
    assert len(fired) < MOST_TOLD or "told no more" in fired[-1].message


def test_a_metric_means_each_of_its_columns_and_findings_come_in_the_order_of_rows() -> None:
    rules = parse_rules(
        [
            {"rule": "threshold", "metric": "grad_norm", "above": 10, "for_steps": 2},
            {"rule": "threshold", "metric": "loss", "above": 1, "name": "loss"},
        ]
    )
    rows = np.zeros((4, len(COLUMNS["steps"])))
    rows[:, 0] = [1, 2, 3, 4]
    rows[1:, COLUMNS["steps"].index("grad_norm/visual")] = 14.2
    rows[3, COLUMNS["steps"].index("loss")] = 2
    rows[0, COLUMNS["steps"].index("loss")] = 2
    found = Evaluation(rules, METRICS, COLUMNS).add("steps", rows)
    assert [finding.message for finding in found] == [
        "loss is 2.00, above 1 at step 1",
        "loss is over: loss is 0",
        "grad_norm/visual is 14.2, above 10 for 2 steps at step 3",
        "loss is 2.00, above 1 at step 4",
    ]


def test_the_default_rule_tells_nan_of_loss_and_gradients_once_a_column() -> None:
    rows = np.zeros((4, len(COLUMNS["steps"])))
    rows[:, 0] = [1, 2, 3, 4]
    for column, first in (("loss", 2), ("grad_norm/audio", 1), ("own_loss/audio", 0)):
        rows[first, COLUMNS["steps"].index(column)] = math.nan
    rows[3, COLUMNS["steps"].index("loss")] = math.inf
    evaluation = Evaluation(effective_rules(), METRICS, COLUMNS)
    found = [each for row in range(4) for each in evaluation.add("steps", rows[row : row + 1])]
    assert [(each.column, each.step) for each in found] == [("grad_norm/audio", 2), ("loss", 3)]
    assert found[1].message == "loss is nan at step 3" and found[1].rule.notify == WAYS


def test_a_rule_on_a_metric_that_the_run_lacks_is_named() -> None:
    rules = parse_rules([{"rule": "threshold", "metric": "smell", "above": 1}])
    evaluation = Evaluation(effective_rules(rules), METRICS, COLUMNS)
    assert evaluation.unmatched == list(rules)


@pytest.mark.parametrize(("batch", "fires"), [(16, False), (4096, True)])
def test_a_gap_within_two_standard_errors_is_no_gap(batch: int, fires: bool) -> None:
    config = {"batch_size": batch, "probe": {"split_batch": True, "utilization_ema": 1.0}}
    manifest = Manifest("run", 1.0, config, MODALITIES, ("a", "b"))
    (rule,) = parse_rules([{"rule": "probe_gap", "above": 0.1, "for_steps": 3}])
    rows = rows_of("probes", "utilization_gap", [0.2] * 4)
    for modality, value in (("audio", 0.6), ("visual", 0.4)):
        rows[:, COLUMNS["probes"].index(f"utilization/{modality}")] = value
    found = Evaluation([rule], METRICS, COLUMNS, manifest).add("probes", rows)
    assert [finding.step for finding in found] == ([3] if fires else [])
