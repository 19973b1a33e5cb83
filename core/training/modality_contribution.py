"""Modality contribution: the share of each modality in the validation accuracy, by zeroed inputs.

    v(S)  = accuracy where the inputs of all modalities outside S are zeros; the empty S counts too
    phi_m = sum over S without m of |S|! (M - |S| - 1)! / M! * (v(S + m) - v(S))
    u_m   = (v(all) - v(all but m)) / v(all)

phi is the Shapley value, as in BalanceBenchmark (which takes the test split); the phi add up to
v(all) - v(none). u is the conditional utilization of Wu et al., Characterizing and Overcoming the
Greedy Nature of Learning in Multi-modal Deep Neural Networks, ICML 2022, there for two modalities.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from asgml.core.measures.shapley import (
    MOST_MODALITIES,
    Subset,
    shapley_values,
    subsets,
    zero_inputs,
)
from asgml.core.measures.task import correct_of
from asgml.core.model.model import MultimodalModel
from asgml.core.run.rows import per_modality
from asgml.core.types import Forward, Scalar


class ModalityContribution:
    """The counts of correct answers of each subset of the modalities in an evaluation of a split.

    An encoder has but two inputs, a sample and zeros: the features of the sample are known, those
    of zeros are made once, and only the fusion is run for every subset.
    """

    def __init__(self, model: MultimodalModel) -> None:
        self.model = model
        self.correct: dict[Subset, Tensor] = {}
        self.samples = 0
        self.absent: dict[str, Tensor] = {}

    def add(self, forward: Forward) -> None:
        """Count an evaluated batch; the model must be in eval mode."""
        if not self.absent:  # once a split: the weights stay as they are during an evaluation
            self.absent = self.model.encode(zero_inputs(forward.batch.inputs))
        absent = {m: zero.expand_as(forward.features[m]) for m, zero in self.absent.items()}
        for subset in subsets(self.model.modalities):
            logits = self.model.fusion.fuse(
                {m: (forward.features if m in subset else absent)[m] for m in absent}
            )
            correct = correct_of(forward, logits).sum()
            self.correct[subset] = self.correct.get(subset, torch.zeros_like(correct)) + correct
        self.samples += len(forward.labels)

    def row(self) -> dict[str, Scalar]:
        """Return its columns of the table `epochs`; none without a batch."""
        if not self.samples:
            return {}
        values = {subset: float(right) / self.samples for subset, right in self.correct.items()}
        return contribution_row(values, self.model.modalities)


class NoContribution(ModalityContribution):
    """No measure of the contribution."""

    def add(self, forward: Forward) -> None:
        """Ignore the batch."""

    def row(self) -> dict[str, Scalar]:
        return {}


def contribution_row(
    values: Mapping[Subset, float], modalities: tuple[str, ...]
) -> dict[str, Scalar]:
    """Return both measures from v(S) of every subset."""
    # in float64, so that the phi add up to v(all) - v(none)
    exact = {s: torch.tensor(value, dtype=torch.float64) for s, value in values.items()}
    shapley = shapley_values(exact, modalities)
    return {
        **per_modality("shapley", {m: float(value) for m, value in shapley.items()}),
        **per_modality("conditional_utilization", conditional_utilization(values, modalities)),
    }


def conditional_utilization(
    values: Mapping[Subset, float], modalities: tuple[str, ...]
) -> dict[str, float]:
    """Return u_m, NaN where even all modalities together are never right."""
    whole = frozenset(modalities)
    return {
        m: (values[whole] - values[whole - {m}]) / values[whole] if values[whole] > 0 else math.nan
        for m in modalities
    }


def make_contribution(wanted: bool, model: MultimodalModel) -> ModalityContribution:
    feasible = len(model.modalities) <= MOST_MODALITIES
    return (ModalityContribution if wanted and feasible else NoContribution)(model)
