"""Scores of a whole split: means over batches would not do."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.measures.regression import regression_scores


class Meter:
    """The meter of a classification, which needs no whole split and keeps nothing."""

    def add(self, logits: Tensor, truth: Tensor) -> None:
        """Add the outputs of a batch."""

    def scores(self) -> dict[str, float]:
        """Return {name: score} of everything added."""
        return {}


class RegressionMeter(Meter):
    """All outputs and targets of a split: a correlation is no mean over its batches."""

    def __init__(self) -> None:
        self.outputs: list[Tensor] = []
        self.targets: list[Tensor] = []

    def add(self, logits: Float[Tensor, "B 1"], truth: Float[Tensor, "B"]) -> None:
        self.outputs.append(logits.squeeze(1))
        self.targets.append(truth)

    def scores(self) -> dict[str, float]:
        outputs, targets = torch.cat(self.outputs), torch.cat(self.targets)
        return regression_scores(outputs.double().cpu().numpy(), targets.double().cpu().numpy())
