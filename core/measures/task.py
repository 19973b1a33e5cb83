"""The task: what a model's outputs are held against. Classes by cross-entropy, or a number by its absolute error.

    classification   C outputs   L = CE(z, y)     right: the largest output is the true class
    regression       1 output    L = |z - t|      right: output and target have the same sign (acc-2 of sentiment)

Of a regression the labels are the signs of the targets, so that probes, which are classifiers, have something to tell apart.
The model of the best validation accuracy is kept, or that of the lowest mean absolute error.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from asgml.core.data.base import Dataset, Split
from asgml.core.measures.regression import regression_scores
from asgml.core.types import Batch, Evaluation, Forward
from asgml.storage.format.metrics import METRICS, Metric
from asgml.storage.format.regression_metrics import REGRESSION_METRICS

Reduction = Literal["mean", "sum"]


class Meter:
    """What a whole split's outputs are needed for. A classification has means over samples alone, and keeps nothing."""

    def add(self, logits: Tensor, truth: Tensor) -> None:
        """Takes in a batch."""

    def scores(self) -> dict[str, float]:
        return {}


class RegressionMeter(Meter):
    """Keeps all outputs and targets: a correlation is none of parts."""

    def __init__(self) -> None:
        self.outputs: list[Tensor] = []
        self.targets: list[Tensor] = []

    def add(self, logits: Float[Tensor, "B 1"], truth: Float[Tensor, "B"]) -> None:
        self.outputs.append(logits.squeeze(1))
        self.targets.append(truth)

    def scores(self) -> dict[str, float]:
        return regression_scores(
            *(torch.cat(parts).double().cpu().numpy() for parts in (self.outputs, self.targets))
        )


class Task(ABC):
    """Chosen once for a data set. `truth` is what outputs are held against: class numbers (B,), or targets (B,)."""

    choice: ClassVar[str]
    """What the best model has, in words."""
    gives_class_scores: ClassVar[bool]
    """Whether outputs are scores of classes, which most methods throttle by."""
    metrics: ClassVar[tuple[Metric, ...]]
    """What a run records."""

    @abstractmethod
    def outputs(self, data: Dataset) -> int:
        """How many numbers the model gives for a sample."""

    @abstractmethod
    def truth(self, forward: Forward) -> Tensor: ...

    @abstractmethod
    def loss(
        self, logits: Float[Tensor, "B C"], truth: Tensor, reduction: Reduction = "mean"
    ) -> Tensor:
        """Mean or sum over the samples."""

    @abstractmethod
    def losses(self, own: Float[Tensor, "M B C"], truth: Tensor) -> Float[Tensor, "M"]:
        """The mean loss of each modality's own outputs."""

    @abstractmethod
    def correct(self, logits: Float[Tensor, "B C"], truth: Tensor) -> Float[Tensor, "B"]:
        """1 for a sample that is right, else 0."""

    @abstractmethod
    def score(self, val: Evaluation) -> float:
        """The larger, the better the model; minus infinity where it came to nothing."""

    def best_row(self, score: float) -> dict[str, float]:
        """Columns of the table `epochs` about the best score so far, beside the best accuracy."""
        return {}

    def meter(self) -> Meter:
        return Meter()


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

    def losses(self, own: Float[Tensor, "M B C"], truth: Tensor) -> Float[Tensor, "M"]:
        return unimodal_losses(own, truth)

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
                "a regression has a target for every sample that is fused; a method that drops samples cannot train it"
            )
        return targets

    def loss(
        self, logits: Float[Tensor, "B C"], truth: Tensor, reduction: Reduction = "mean"
    ) -> Tensor:
        return functional.l1_loss(logits.squeeze(1), truth, reduction=reduction)

    def losses(self, own: Float[Tensor, "M B C"], truth: Tensor) -> Float[Tensor, "M"]:
        return (own.squeeze(2) - truth).abs().mean(dim=1)

    def correct(self, logits: Float[Tensor, "B C"], truth: Tensor) -> Float[Tensor, "B"]:
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
    """1 where the largest logit is the true class, else 0."""
    return (logits.argmax(dim=1) == labels).float()


def unimodal_losses(own: Float[Tensor, "M B C"], labels: Int[Tensor, "B"]) -> Float[Tensor, "M"]:
    """Cross-entropy of each modality's own logits."""
    repeated = labels.expand(len(own), -1)
    return (
        functional.cross_entropy(own.flatten(0, 1), repeated.reshape(-1), reduction="none")
        .view(len(own), -1)
        .mean(dim=1)
    )


def make_task(data: Dataset) -> Task:
    return task_of(data.splits["train"])


def task_of(samples: Batch | Split) -> Task:
    """That of the data which these samples are of: they bring targets where those are what is predicted."""
    return CLASSIFICATION if samples.targets is None else REGRESSION


def loss_of(forward: Forward, logits: Float[Tensor, "B C"]) -> Tensor:
    """The task's mean loss of these outputs for the samples of a forward pass: of the fused ones, or of one modality's own."""
    task = task_of(forward.batch)
    return task.loss(logits, task.truth(forward))


def correct_of(forward: Forward, logits: Float[Tensor, "B C"]) -> Float[Tensor, "B"]:
    """1 where these outputs are right for the samples of a forward pass, else 0."""
    task = task_of(forward.batch)
    return task.correct(logits, task.truth(forward))
