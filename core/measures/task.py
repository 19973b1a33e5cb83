"""The task of a data set: loss, correctness and model score of a classification or a regression.

    classification   C outputs   L = CE(z, y)   correct: the largest output is the true class
    regression       1 output    L = |z - t|    correct: output and target have the same sign
                                                (acc-2 of sentiment)

The labels of a regression are the signs of its targets: probes are classifiers and need classes.
The model kept is that of the best validation accuracy, or of the lowest mean absolute error.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset, Split
from asgml.core.measures.criterion import LossError, criterion_loss, make_criterion
from asgml.core.measures.meter import Meter, RegressionMeter
from asgml.core.measures.task_base import Reduction, Task
from asgml.core.measures.unimodal import cross_entropies
from asgml.core.types import Batch, Criterion, Evaluation, Forward
from asgml.storage.format.metrics import METRICS
from asgml.storage.format.regression_metrics import REGRESSION_METRICS


class Classification(Task):
    choice = "best validation accuracy"
    gives_class_scores = True
    metrics = METRICS

    def outputs(self, data: Dataset) -> int:
        return len(data.classes)

    def truth(self, forward: Forward) -> Tensor:
        return forward.labels

    def loss(
        self, logits: Float[Tensor, "B C"], truth: Tensor, reduction: Reduction = "mean"
    ) -> Tensor:
        return functional.cross_entropy(logits, truth, reduction=reduction)

    def training_loss(self, forward: Forward, logits: Float[Tensor, "B C"]) -> Tensor:
        batch = forward.batch
        return criterion_loss(batch.criterion, batch.mix, logits, forward.labels)

    def unimodal_losses(
        self, unimodal_logits: Float[Tensor, "M B C"], truth: Tensor
    ) -> Float[Tensor, "M"]:
        return cross_entropies(unimodal_logits, truth)

    def correct(self, logits: Float[Tensor, "B C"], truth: Tensor) -> Float[Tensor, "B"]:
        return correct(logits, truth)

    def score(self, val: Evaluation) -> float:
        return val.accuracy


class Regression(Task):
    choice = "lowest validation MAE"
    gives_class_scores = False
    metrics = REGRESSION_METRICS

    def outputs(self, data: Dataset) -> int:
        return 1

    def truth(self, forward: Forward) -> Tensor:
        targets = forward.batch.targets
        if targets is None or len(targets) != len(forward.labels):
            raise ValueError(
                "a regression has a target for every sample that is fused; "
                "a method that drops samples cannot train it"
            )
        return targets

    def loss(
        self, logits: Float[Tensor, "B C"], truth: Tensor, reduction: Reduction = "mean"
    ) -> Tensor:
        return functional.l1_loss(logits.squeeze(1), truth, reduction=reduction)

    def unimodal_losses(
        self, unimodal_logits: Float[Tensor, "M B C"], truth: Tensor
    ) -> Float[Tensor, "M"]:
        return (unimodal_logits.squeeze(2) - truth).abs().mean(dim=1)

    def correct(self, logits: Float[Tensor, "B C"], truth: Tensor) -> Float[Tensor, "B"]:
        # 0 counts as positive: negative against non-negative, as in the field's acc-2.
        return ((logits.squeeze(1) >= 0) == (truth >= 0)).float()

    def score(self, val: Evaluation) -> float:
        error = val.scores["mae"]
        return -error if math.isfinite(error) else -math.inf

    def best_row(self, score: float) -> dict[str, float]:
        return {"best_val_mae": -score}

    def meter(self) -> Meter:
        return RegressionMeter()


CLASSIFICATION, REGRESSION = Classification(), Regression()


def correct(logits: Float[Tensor, "B C"], labels: Int[Tensor, "B"]) -> Float[Tensor, "B"]:
    """Return 1 where the largest logit is the true class, else 0."""
    return (logits.argmax(dim=1) == labels).float()


def make_task(data: Dataset) -> Task:
    """Return the task of a data set."""
    return task_of(data.splits["train"])


def task_of(samples: Batch | Split) -> Task:
    """Return the task of these samples: a regression where they have targets."""
    return CLASSIFICATION if samples.targets is None else REGRESSION


def criterion_of(config: RunSettings, data: Dataset, device: torch.device) -> Criterion:
    """Return the criterion of a training. Raise LossError where it does not fit the data."""
    loss, train = config.loss, data.splits["train"]
    plain = loss.label_smoothing == 0 and loss.class_weights == "none"
    if not plain and not task_of(train).gives_class_scores:
        name = "class_weights" if loss.label_smoothing == 0 else "label_smoothing"
        raise LossError(
            f"loss.{name}={getattr(loss, name)} in a regression: its loss is the absolute error, "
            "which has no classes; leave it out, or train on classes (data.options.task=acc2)"
        )
    return make_criterion(
        loss.label_smoothing, loss.class_weights, train.labels, len(data.classes), device
    )


def loss_of(forward: Forward, logits: Float[Tensor, "B C"]) -> Tensor:
    """Return the mean loss of fused or unimodal logits; of a batch of training by its criterion."""
    return task_of(forward.batch).training_loss(forward, logits)


def sum_of_unimodal_losses(forward: Forward) -> Tensor:
    """Return sum_m of the task's mean loss of z_m."""
    losses = [loss_of(forward, logits) for logits in forward.unimodal_logits.values()]
    return torch.stack(losses).sum()


def correct_of(forward: Forward, logits: Float[Tensor, "B C"]) -> Float[Tensor, "B"]:
    """Return 1 where fused or unimodal logits predict a sample correctly, else 0."""
    task = task_of(forward.batch)
    return task.correct(logits, task.truth(forward))
