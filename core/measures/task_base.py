"""The interface of a task: the questions that a classification and a regression answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor

from asgml.core.data.base import Dataset
from asgml.core.measures.meter import Meter
from asgml.core.types import Evaluation, Forward
from asgml.storage.format.metrics import Metric

Reduction = Literal["mean", "sum"]


class Task(ABC):
    """The kind of prediction that a data set asks for."""

    choice: ClassVar[str]
    """The criterion of the best model, as text."""
    gives_class_scores: ClassVar[bool]
    """True where outputs are scores of classes, which most methods throttle by."""
    metrics: ClassVar[tuple[Metric, ...]]
    """The metrics that a run records."""

    @abstractmethod
    def outputs(self, data: Dataset) -> int:
        """Return the number of outputs per sample."""

    @abstractmethod
    def truth(self, forward: Forward) -> Tensor:
        """Return what the outputs are compared with: class numbers (B,), or targets (B,)."""

    @abstractmethod
    def loss(
        self, logits: Float[Tensor, "B C"], truth: Tensor, reduction: Reduction = "mean"
    ) -> Tensor:
        """Return the mean or the sum over the samples."""

    def training_loss(self, forward: Forward, logits: Float[Tensor, "B C"]) -> Tensor:
        """Return the mean loss that a batch is trained by, of fused or unimodal logits."""
        return self.loss(logits, self.truth(forward))

    @abstractmethod
    def unimodal_losses(
        self, unimodal_logits: Float[Tensor, "M B C"], truth: Tensor
    ) -> Float[Tensor, "M"]:
        """Return the mean loss of each modality's logits."""

    @abstractmethod
    def correct(self, logits: Float[Tensor, "B C"], truth: Tensor) -> Float[Tensor, "B"]:
        """Return 1 for each sample that is predicted correctly, else 0."""

    @abstractmethod
    def score(self, val: Evaluation) -> float:
        """Return the score that chooses the model: larger is better, not finite is -inf."""

    def best_row(self, score: float) -> dict[str, float]:
        """Return columns of `epochs` about the best score so far, beside the best accuracy."""
        return {}

    def meter(self) -> Meter:
        """Return a new meter for one evaluation of a split."""
        return Meter()
