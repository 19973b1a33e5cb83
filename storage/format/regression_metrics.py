"""The metrics of a regression: losses in units of the target, and the scores papers report."""

from __future__ import annotations

from dataclasses import replace

from asgml.storage.format.metrics import METRICS, Metric, rows_of

LOSSES = {
    "loss": "the loss that was back-propagated: absolute errors",
    "task_loss": "mean absolute error of the fused output alone",
    "own_loss": "mean absolute error of the modality's own output inside the joint model",
    "train_loss": "mean training loss of the epoch",
    "val_loss": "mean absolute error on the validation split, as val_mae",
}
"""Meanings that differ: absolute errors, where other runs have cross-entropies in nat."""

HELP = {
    "val_accuracy": "accuracy on the validation split: output and target have the same sign",
    "test_accuracy": "accuracy on the test split (same sign), "
    "only in epochs where it was asked for",
    "test_accuracy_at_best_val": "test accuracy (same sign) of the model with the lowest "
    "validation error: the number to report",
}

# fmt: off
SCORES = rows_of("epochs",
    # name                          unit     panel    each   better  log
    ("val_mae",                     "",      "error", False, "low",  False,
     "mean absolute error on the validation split; chooses the model"),
    ("val_corr",                    "",      "",      False, "high", False,
     "Pearson correlation of outputs and targets on the validation split"),
    ("val_f1",                      "",      "",      False, "high", False,
     "F1 of negative and non-negative on the validation split, weighted by class"),
    ("val_accuracy_7",              "",      "",      False, "high", False,
     "validation accuracy of seven classes: the whole numbers from -3 to 3"),
    ("best_val_mae",                "",      "",      False, "low",  False,
     "lowest mean absolute error on the validation split so far"),
    ("test_mae",                    "",      "error", False, "low",  False,
     "mean absolute error on the test split"),
    ("test_corr",                   "",      "",      False, "high", False,
     "Pearson correlation of outputs and targets on the test split"),
    ("test_f1",                     "",      "",      False, "high", False,
     "F1 of negative and non-negative on the test split, weighted by class"),
    ("test_accuracy_7",             "",      "",      False, "high", False,
     "test accuracy of seven classes: the whole numbers from -3 to 3"),
    ("test_mae_at_best_val",        "",      "",      False, "low",  False,
     "test error of the model that validation chose: the number to report"),
    ("test_corr_at_best_val",       "",      "",      False, "high", False,
     "test correlation of that model"),
    ("test_f1_at_best_val",         "",      "",      False, "high", False,
     "test F1 of that model"),
    ("test_accuracy_7_at_best_val", "",      "",      False, "high", False,
     "test accuracy of seven classes of that model"),
)
# fmt: on


def _of_a_regression(metric: Metric) -> Metric:
    if metric.name in LOSSES:
        return replace(metric, help=LOSSES[metric.name], unit="")
    return replace(metric, help=HELP.get(metric.name, metric.help))


REGRESSION_METRICS = (*(_of_a_regression(metric) for metric in METRICS), *SCORES)
