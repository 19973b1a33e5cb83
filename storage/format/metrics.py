"""The table of metrics: every number a run records, with its name, unit, panel and meaning.

Storage columns, dashboard panels, `asgml show`, exports and the manual are made from this table. A run's manifest
keeps the rows it was recorded with, so an old run is drawn by its own table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Table = Literal["steps", "probes", "epochs", "system"]
TABLES: tuple[Table, ...] = ("steps", "probes", "epochs", "system")
AXES = ("step", "wall_time", "active_time", "segment")
"""Columns that every table starts with: optimizer steps done, unix seconds, seconds of training without pauses, resumes so far."""


@dataclass(frozen=True)
class Metric:
    """One recorded quantity.

    `per_modality` makes one column `name/modality` for each modality, otherwise one column `name`.
    `panel` is the chart it is drawn in ("" = a number without a chart); `better` says which end is best.
    """

    name: str
    table: Table
    help: str
    unit: str = ""
    panel: str = ""
    per_modality: bool = False
    better: Literal["high", "low", ""] = ""
    log: bool = False

    def columns(self, modalities: Sequence[str]) -> list[str]:
        return (
            [f"{self.name}/{modality}" for modality in modalities]
            if self.per_modality
            else [self.name]
        )


METRICS: tuple[Metric, ...] = (
    Metric("epoch", "steps", "epoch that the step belongs to, counted from 0"),
    Metric("loss", "steps", "the loss that was back-propagated", "nat", "loss", better="low"),
    Metric(
        "task_loss", "steps", "cross-entropy of the fused logits alone", "nat", "loss", better="low"
    ),
    Metric(
        "accuracy",
        "steps",
        "accuracy of the fused logits on the training batch",
        "",
        "accuracy",
        better="high",
    ),
    Metric("lr", "steps", "learning rate of the optimizer"),
    Metric(
        "grad_norm",
        "steps",
        "L2 norm of the encoder's gradient, before modulation",
        "",
        "gradient norm",
        True,
        log=True,
    ),
    Metric(
        "grad_norm_after",
        "steps",
        "L2 norm of the encoder's gradient, after modulation",
        "",
        "gradient norm after",
        True,
        log=True,
    ),
    Metric(
        "gain",
        "steps",
        "factor that the encoder's gradient was multiplied by, all modulators together",
        "×",
        "gain",
        True,
    ),
    Metric(
        "boost_scale",
        "steps",
        "the boost's part of the gain: 1 for the strongest modality, up to 1 + alpha for the weakest",
        "×",
        "boost scale",
        True,
    ),
    Metric(
        "throttle",
        "steps",
        "OGM's part of the gain: 1 - tanh(alpha * discrepancy) for a dominant modality, else 1",
        "×",
        "throttle",
        True,
    ),
    Metric(
        "noise",
        "steps",
        "noise added to the gradient, in units of the gradient's own standard deviation",
        "std",
        "",
        True,
    ),
    Metric(
        "discrepancy",
        "steps",
        "discrepancy ratio: true-class score of the modality over that of the others; 1 is balanced",
        "",
        "discrepancy ratio",
        True,
        log=True,
    ),
    Metric(
        "conflict_cosine",
        "steps",
        "cosine between the joint and the modality's own loss in the encoder's gradients; below 0 they conflict (diagnose.every, mmpareto)",
        "",
        "",
        True,
    ),
    Metric(
        "own_entropy",
        "steps",
        "entropy of the modality's own prediction, mean over the batch; 0 is certain",
        "nat",
        "",
        True,
    ),
    Metric(
        "relative_gradient",
        "steps",
        "gradient norm (moving average) over the modalities' mean; 1 is the mean",
        "×",
        "",
        True,
    ),
    Metric(
        "relative_descent",
        "steps",
        "move of the own loss over 10 steps, up or down, over the modalities' mean",
        "×",
        "",
        True,
    ),
    Metric(
        "clip_factor",
        "steps",
        "factor that all gradients were clipped by, after modulation (optimizer.clip); 1 is not at all",
        "×",
    ),
    Metric(
        "skipped_steps",
        "steps",
        "steps left out so far because gradients overflowed (optimizer.amp=fp16)",
        "steps",
    ),
    Metric("loss_weight", "steps", "weight of the modality's own loss (g_blending)", "×", "", True),
    Metric(
        "prototype_weight", "steps", "weight of the modality's prototype loss (pmr)", "×", "", True
    ),
    Metric(
        "purity_gap",
        "steps",
        "cluster purity of training less validation features, at the last diagnosis (relearning)",
        "",
        "",
        True,
    ),
    Metric(
        "tau",
        "steps",
        "planned steps between updates of the encoder, or its staleness plus 1 (asgml_v1)",
        "steps",
        "",
        True,
    ),
    Metric(
        "own_loss",
        "steps",
        "cross-entropy of the modality's own logits inside the joint model",
        "nat",
        "own loss",
        True,
        "low",
    ),
    Metric(
        "own_accuracy",
        "steps",
        "accuracy of the modality's own logits on the training batch",
        "",
        "own accuracy",
        True,
        "high",
    ),
    Metric("step_time", "steps", "time from the end of the last step to the end of this one", "s"),
    Metric(
        "probe_accuracy",
        "probes",
        "accuracy of the linear probe on the half batch it was not trained on",
        "",
        "probe accuracy",
        True,
        "high",
    ),
    Metric(
        "probe_loss",
        "probes",
        "cross-entropy of the probe on that half batch",
        "nat",
        "",
        True,
        "low",
    ),
    Metric(
        "utilization",
        "probes",
        "moving average of probe_accuracy that the boost is computed from; starts at 0",
        "",
        "utilization",
        True,
        "high",
    ),
    Metric(
        "utilization_gap",
        "probes",
        "largest minus smallest utilization; 0 is balanced",
        "",
        "utilization",
    ),
    Metric(
        "update_ratio",
        "probes",
        "how far the optimizer moved the encoder in this step: change of its weights over their size; holds under adam too",
        "",
        "update ratio",
        True,
        log=True,
    ),
    Metric(
        "boost_target",
        "probes",
        "boost scale that the utilization asks for, before smoothing",
        "×",
        "",
        True,
    ),
    Metric(
        "train_loss", "epochs", "mean training loss of the epoch", "nat", "epoch loss", better="low"
    ),
    Metric(
        "train_accuracy",
        "epochs",
        "mean training accuracy of the epoch",
        "",
        "epoch accuracy",
        better="high",
    ),
    Metric(
        "val_loss",
        "epochs",
        "cross-entropy on the validation split",
        "nat",
        "epoch loss",
        better="low",
    ),
    Metric(
        "val_accuracy",
        "epochs",
        "accuracy on the validation split; chooses the model",
        "",
        "epoch accuracy",
        better="high",
    ),
    Metric(
        "val_own_accuracy",
        "epochs",
        "validation accuracy of the modality's own logits inside the joint model",
        "",
        "own validation accuracy",
        True,
        "high",
    ),
    Metric(
        "val_probe_accuracy",
        "epochs",
        "validation accuracy of the linear probe",
        "",
        "",
        True,
        "high",
    ),
    Metric(
        "shapley",
        "epochs",
        "what the modality adds to the validation accuracy, mean over all orders of adding modalities; may be negative",
        "",
        "shapley",
        True,
    ),
    Metric(
        "conditional_utilization",
        "epochs",
        "share of the validation accuracy that is lost without the modality (its input zero); 0 is unused",
        "",
        "",
        True,
    ),
    Metric("best_val_accuracy", "epochs", "best validation accuracy so far", "", "", better="high"),
    Metric(
        "test_accuracy",
        "epochs",
        "accuracy on the test split, only in epochs where it was asked for",
        "",
        "epoch accuracy",
        better="high",
    ),
    Metric(
        "test_own_accuracy",
        "epochs",
        "test accuracy of the modality's own logits",
        "",
        "",
        True,
        "high",
    ),
    Metric(
        "test_accuracy_at_best_val",
        "epochs",
        "test accuracy of the model with the best validation accuracy: the number to report",
        "",
        "",
        better="high",
    ),
    Metric(
        "best_on_test_accuracy",
        "epochs",
        "best test accuracy of any tested epoch: chosen on the test set, for comparison with the literature only",
        "",
        "",
        better="high",
    ),
    Metric("cpu", "system", "CPU use of the trainer; 100 is one core", "%", "system"),
    Metric("memory", "system", "resident memory of the trainer", "MiB"),
    Metric("gpu", "system", "GPU use", "%", "system"),
    Metric("gpu_memory", "system", "GPU memory allocated by the trainer", "MiB"),
    Metric(
        "gpu_memory_peak", "system", "most GPU memory that the trainer had allocated at once", "MiB"
    ),
    Metric("samples_per_second", "system", "training samples per second", "1/s"),
    Metric("store_bytes", "system", "bytes of rows and texts published so far", "B"),
)


def columns_of(table: str, metrics: Iterable[Metric], modalities: Sequence[str]) -> list[str]:
    """The column names of a table, axes first, in the order of the metrics."""
    own = [
        column
        for metric in metrics
        if metric.table == table
        for column in metric.columns(modalities)
    ]
    return [*AXES, *own]


def metric_to_json(metric: Metric) -> dict[str, Any]:
    return asdict(metric)


def metric_from_json(record: dict[str, Any]) -> Metric:
    """Reads a metric from a manifest; keys that a newer format added are passed over."""
    known = {key: record[key] for key in Metric.__dataclass_fields__ if key in record}
    return Metric(**known)
