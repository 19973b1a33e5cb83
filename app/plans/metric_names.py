"""The names of the numbers that a plan compares: columns of the table `epochs`, and short names."""

from __future__ import annotations

from asgml.app.keys import nearest_of
from asgml.storage.format.metrics import AXES, METRICS
from asgml.storage.format.regression_metrics import REGRESSION_METRICS

TEST = "test_accuracy_at_best_val"
"""Test accuracy of the epoch that validation chose, read once: what a plan compares by default."""
SHORT = {"test": TEST, "chosen_test_accuracy": TEST, "val": "val_accuracy"}


def metric_column(name: str) -> str:
    """Return the column that `name` means. Raise ValueError for one that no run records.

    A metric of each modality is given with one, val_own_accuracy/audio.
    """
    column = SHORT.get(name, name)
    known = {
        metric.name: metric.per_modality
        for metric in (*METRICS, *REGRESSION_METRICS)
        if metric.table == "epochs" and metric.name not in AXES
    }
    metric_name, slash, modality = column.partition("/")
    if metric_name not in known:
        raise ValueError(f"{name!r} is no metric of an epoch; {nearest_of(name, list(known))}")
    if known[metric_name] != bool(slash and modality):
        expected = f"{metric_name}/MODALITY" if known[metric_name] else metric_name
        raise ValueError(f"{name!r}: expected {expected}")
    return column
