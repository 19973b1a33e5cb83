"""Define a turn: one backward pass and update of a batch, with the modalities and loss it trains.

Most methods train every modality at once, in a single turn with the task's loss. A method of the
axis "who trains when" states others: for every turn the training step runs the fusion anew on the
features of the batch, back-propagates the turn's loss, modulates, and updates the weights. The
encoders run once a batch, so a modality trains in one turn of it at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from asgml.core.types import Forward

TurnLoss = Callable[[Forward], Tensor]


@dataclass(frozen=True)
class Turn:
    """One backward pass and update of a batch.

    modalities  those whose encoders train
    loss        the loss to back-propagate, a mean over the samples; None is the task's loss
    """

    modalities: tuple[str, ...]
    loss: TurnLoss | None = None

    def trained(self, features: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the features, {m: (B, D)}, without a graph where the encoder does not train."""
        if len(self.modalities) == len(features):
            return features
        return {
            m: feature if m in self.modalities else feature.detach()
            for m, feature in features.items()
        }

    def loss_of(self, forward: Forward, task_loss: Tensor) -> Tensor:
        """Return the turn's loss of a forward pass whose task loss is known."""
        return task_loss if self.loss is None else self.loss(forward)
