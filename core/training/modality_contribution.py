"""Contribution: what each modality is worth to the validation accuracy, from the accuracies with some inputs zeroed.

    v(S)  = accuracy where the inputs of all modalities outside S are zeros; the empty S counts too
    phi_m = sum over S without m of |S|! (M - |S| - 1)! / M! * (v(S + m) - v(S))       Shapley value
    u_m   = (v(all) - v(all but m)) / v(all)                                            conditional utilization

The phi add up to v(all) - v(none). phi after BalanceBenchmark (which takes the test split); u after Wu et al., Characterizing
and Overcoming the Greedy Nature of Learning in Multi-modal Deep Neural Networks, ICML 2022, for two modalities.
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


class Contribution:
    """Counts, while a split is evaluated, how often each subset of the modalities is right.

    An encoder has but two inputs, a sample and zeros: its features are there already, those of zeros are made once, and only
    the fusion is run for every subset.
    """

    def __init__(self, model: MultimodalModel) -> None:
        self.model = model
        self.right: dict[Subset, Tensor] = {}
        self.samples = 0
        self.absent: dict[str, Tensor] = {}

    def look(self, forward: Forward) -> None:
        """Takes in a batch that was evaluated, with the model in eval mode."""
        if not self.absent:
            self.absent = self.model.encode(zero_inputs(forward.batch.inputs))
        absent = {m: zero.expand_as(forward.features[m]) for m, zero in self.absent.items()}
        for subset in subsets(self.model.modalities):
            logits = self.model.fusion.fuse(
                {m: (forward.features if m in subset else absent)[m] for m in absent}
            )
            right = correct_of(forward, logits).sum()
            self.right[subset] = self.right.get(subset, torch.zeros_like(right)) + right
        self.samples += len(forward.labels)

    def row(self) -> dict[str, Scalar]:
        """Its columns of the table `epochs`; none where no batch was seen."""
        if not self.samples:
            return {}
        values = {subset: float(right) / self.samples for subset, right in self.right.items()}
        return contribution_row(values, self.model.modalities)


class Unmeasured(Contribution):
    """Stands in where nothing is to be measured."""

    def look(self, forward: Forward) -> None:
        """Looks away."""

    def row(self) -> dict[str, Scalar]:
        return {}


def contribution_row(
    values: Mapping[Subset, float], modalities: tuple[str, ...]
) -> dict[str, Scalar]:
    """Both measures from v(S) of every subset."""
    shapley = shapley_values(
        {subset: torch.tensor(value, dtype=torch.float64) for subset, value in values.items()},
        modalities,
    )
    return {
        **per_modality("shapley", {m: float(value) for m, value in shapley.items()}),
        **per_modality("conditional_utilization", conditional_utilization(values, modalities)),
    }


def conditional_utilization(
    values: Mapping[Subset, float], modalities: tuple[str, ...]
) -> dict[str, float]:
    """u_m, NaN where even all modalities are never right."""
    whole = frozenset(modalities)
    return {
        m: (values[whole] - values[whole - {m}]) / values[whole] if values[whole] > 0 else math.nan
        for m in modalities
    }


def make_contribution(wanted: bool, model: MultimodalModel) -> Contribution:
    return (Contribution if wanted and len(model.modalities) <= MOST_MODALITIES else Unmeasured)(
        model
    )
