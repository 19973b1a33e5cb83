"""The table of metrics: every number a run records, with its name, unit, panel and meaning.

Storage columns, dashboard panels, `asgml show`, exports and the manual are made from this table.
A run's manifest keeps the rows it was recorded with, so an old run is drawn by its own table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Table = Literal["steps", "probes", "epochs", "system"]
Better = Literal["high", "low", ""]
TABLES: tuple[Table, ...] = ("steps", "probes", "epochs", "system")
AXES = ("step", "wall_time", "active_time", "segment")
"""First columns of every table: optimizer steps done, unix seconds, seconds of training without
pauses, resumes so far."""


@dataclass(frozen=True)
class Metric:
    """One recorded quantity.

    `per_modality`: one column `name/modality` for each modality, otherwise one column `name`.
    `panel`: the chart it is drawn in, "" for none; `better`: the end that is best, "" for none.
    """

    name: str
    table: Table
    help: str
    unit: str = ""
    panel: str = ""
    per_modality: bool = False
    better: Better = ""
    log: bool = False

    def columns(self, modalities: Sequence[str]) -> list[str]:
        if not self.per_modality:
            return [self.name]
        return [f"{self.name}/{modality}" for modality in modalities]


Row = tuple[str, str, str, bool, Better, bool, str]
"""One row of the tables below: name, unit, panel, per_modality, better, log, help."""


def rows_of(table: Table, *rows: Row) -> tuple[Metric, ...]:
    """Return the metrics of one table from their rows."""
    return tuple(
        Metric(name, table, help, unit, panel, each, better, log)
        for name, unit, panel, each, better, log, help in rows
    )


# Aligned by hand, the meaning on a line of its own: one argument a line would fill six pages.
# fmt: off
METRICS: tuple[Metric, ...] = (
    *rows_of("steps",
        # name                unit     panel                  each   better  log
        ("epoch",             "",      "",                    False, "",     False,
         "epoch that the step belongs to, counted from 0"),
        ("loss",              "nat",   "loss",                False, "low",  False,
         "the loss that was back-propagated"),
        ("task_loss",         "nat",   "loss",                False, "low",  False,
         "cross-entropy of the fused logits alone"),
        ("accuracy",          "",      "accuracy",            False, "high", False,
         "accuracy of the fused logits on the training batch"),
        ("lr",                "",      "",                    False, "",     False,
         "learning rate of the optimizer"),
        ("grad_norm",         "",      "gradient norm",       True,  "",     True,
         "L2 norm of the encoder's gradient, before modulation"),
        ("grad_norm_after",   "",      "gradient norm after", True,  "",     True,
         "L2 norm of the encoder's gradient, after modulation"),
        ("grad_norm_clean",   "",      "",                    True,  "",     True,
         "L2 norm of the encoder's gradient after modulation, without the noise that was added"),
        ("gain",              "×",     "gain",                True,  "",     False,
         "factor that the encoder's gradient was multiplied by, all modulators together"),
        ("head_gain",         "×",     "",                    True,  "",     False,
         "factor that the modality's part of the head was multiplied by (scope=encoder+head)"),
        ("boost_scale",       "×",     "boost scale",         True,  "",     False,
         "the boost's part of the gain: 1 for the strongest modality, up to 1 + alpha for the "
         "weakest"),
        ("throttle",          "×",     "throttle",            True,  "",     False,
         "OGM's part of the gain: 1 - tanh(alpha * discrepancy) for a dominant modality, else 1"),
        ("noise",             "std",   "",                    True,  "",     False,
         "noise added to the gradient, in units of the gradient's own standard deviation"),
        ("discrepancy",       "",      "discrepancy ratio",   True,  "",     True,
         "discrepancy ratio: true-class score of the modality over that of the others; 1 is "
         "balanced"),
        ("conflict_cosine",   "",      "",                    True,  "",     False,
         "cosine between the joint and the modality's own loss in the encoder's gradients; below "
         "0 they conflict (diagnose.every, mmpareto)"),
        ("own_entropy",       "nat",   "",                    True,  "",     False,
         "entropy of the modality's own prediction, mean over the batch; 0 is certain"),
        ("relative_gradient", "×",     "",                    True,  "",     False,
         "gradient norm (moving average) over the modalities' mean; 1 is the mean"),
        ("relative_descent",  "×",     "",                    True,  "",     False,
         "move of the own loss over 10 steps, up or down, over the modalities' mean"),
        ("clip_factor",       "×",     "",                    False, "",     False,
         "factor that all gradients were clipped by, after modulation (optimizer.clip); 1 is not "
         "at all"),
        ("skipped_steps",     "steps", "",                    False, "",     False,
         "updates left out so far: gradients overflowed (optimizer.amp=fp16), or on_nan=skip"),
        ("loss_weight",       "×",     "",                    True,  "",     False,
         "weight of the modality's own loss (g_blending)"),
        ("prototype_weight",  "×",     "",                    True,  "",     False,
         "weight of the modality's prototype loss (pmr)"),
        ("purity_gap",        "",      "",                    True,  "",     False,
         "cluster purity of training less validation features, at the last diagnosis (relearning)"),
        ("tau",               "steps", "",                    True,  "",     False,
         "planned steps between updates of the encoder, or its staleness plus 1 (asgml_v1)"),
        ("own_loss",          "nat",   "own loss",            True,  "low",  False,
         "cross-entropy of the modality's unimodal logits inside the joint model"),
        ("own_accuracy",      "",      "own accuracy",        True,  "high", False,
         "accuracy of the modality's unimodal logits on the training batch"),
        ("step_time",         "s",     "",                    False, "",     False,
         "time from the end of the last step to the end of this one"),
    ),
    *rows_of("probes",
        # name              unit     panel             each   better  log
        ("probe_accuracy",  "",      "probe accuracy", True,  "high", False,
         "accuracy of the linear probe on the half batch it was not trained on"),
        ("probe_loss",      "nat",   "",               True,  "low",  False,
         "cross-entropy of the probe on that half batch"),
        ("utilization",     "",      "utilization",    True,  "high", False,
         "moving average of probe_accuracy that the boost is computed from; starts at 0"),
        ("utilization_gap", "",      "utilization",    False, "",     False,
         "largest minus smallest utilization; 0 is balanced"),
        ("update_ratio",    "",      "update ratio",   True,  "",     True,
         "how far the optimizer moved the encoder in this step: change of its weights over their "
         "size; holds under adam too"),
        ("boost_target",    "×",     "",               True,  "",     False,
         "boost scale that the utilization asks for, before smoothing"),
    ),
    *rows_of("epochs",
        # name                        unit     panel                      each   better  log
        ("train_loss",                "nat",   "epoch loss",              False, "low",  False,
         "mean training loss of the epoch"),
        ("train_accuracy",            "",      "epoch accuracy",          False, "high", False,
         "mean training accuracy of the epoch"),
        ("val_loss",                  "nat",   "epoch loss",              False, "low",  False,
         "cross-entropy on the validation split"),
        ("val_accuracy",              "",      "epoch accuracy",          False, "high", False,
         "accuracy on the validation split; chooses the model"),
        ("val_own_accuracy",          "",      "own validation accuracy", True,  "high", False,
         "validation accuracy of the modality's unimodal logits inside the joint model"),
        ("val_probe_accuracy",        "",      "",                        True,  "high", False,
         "validation accuracy of the linear probe"),
        ("shapley",                   "",      "shapley",                 True,  "",     False,
         "what the modality adds to the validation accuracy, mean over all orders of adding "
         "modalities; may be negative"),
        ("conditional_utilization",   "",      "",                        True,  "",     False,
         "share of the validation accuracy that is lost without the modality (its input zero); 0 "
         "is unused"),
        ("best_val_accuracy",         "",      "",                        False, "high", False,
         "best validation accuracy so far"),
        ("test_accuracy",             "",      "epoch accuracy",          False, "high", False,
         "accuracy on the test split, only in epochs where it was asked for"),
        ("test_own_accuracy",         "",      "",                        True,  "high", False,
         "test accuracy of the modality's unimodal logits"),
        ("test_accuracy_at_best_val", "",      "",                        False, "high", False,
         "test accuracy of the model with the best validation accuracy: the number to report"),
        ("best_on_test_accuracy",     "",      "",                        False, "high", False,
         "best test accuracy of any tested epoch: chosen on the test set, for comparison with "
         "the literature only"),
    ),
    *rows_of("system",
        # name                 unit     panel     each   better  log
        ("cpu",                "%",     "system", False, "",     False,
         "CPU use of the trainer; 100 is one core"),
        ("memory",             "MiB",   "",       False, "",     False,
         "resident memory of the trainer"),
        ("gpu",                "%",     "system", False, "",     False,
         "GPU use"),
        ("gpu_memory",         "MiB",   "",       False, "",     False,
         "GPU memory allocated by the trainer"),
        ("gpu_memory_peak",    "MiB",   "",       False, "",     False,
         "most GPU memory that the trainer had allocated at once"),
        ("samples_per_second", "1/s",   "",       False, "",     False,
         "training samples per second"),
        ("store_bytes",        "B",     "",       False, "",     False,
         "bytes of rows and texts published so far"),
    ),
)
# fmt: on


LATER = ("grad_norm_clean", "head_gain")
"""Metrics that runs of 0.1.0 and 0.2.0 lack; such a run is resumed without them."""
