"""MLA: train one modality after another within a batch, through one head that they share.

Zhang et al.: Multimodal Representation Learning by Alternating Unimodal Adaptation, CVPR 2024.
Formula: MLA in core/methods/turns.py. P keeps what a turn teaches the head away from the mean
features of the turns before it. The weights of the fused logits are those of the fusion
(core/model/fusion/shared.py).

Departures from the released code: the entropies of its weights are taken over the samples of a
batch (softmax along dim 0), here of each sample as in the paper; its torch leaves gradients of 0,
not none, so momentum and weight decay move a modality once more in the turns of those after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.data.loading.batches import Batches
from asgml.core.measures.task import loss_of
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import NEUTRAL, Modulation
from asgml.core.modulators.turns import Turn
from asgml.core.types import Backward, Forward
from asgml.storage.format.knobs import Value

DECAY = 0.1
"""Factor of the damping from the first batch of an epoch to the last one, in the released code."""


class Mla(Modulator):
    """One turn for each modality. `batch` is that of the epoch, -1 before its first one.

    `projection` is P, (D, D), or None before the first turn, which the released code leaves as it
    is.
    """

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.projection: Tensor | None = None
        self.batch = -1

    def attach(self, context: MethodContext) -> None:
        assert context.model.fusion.output_layer is not None  # refused before for other fusions
        self.weight = context.model.fusion.output_layer.weight
        train = context.data.splits["train"]
        self.batches = max(1, Batches.count(len(train), context.config.batch_size))

    def begin_epoch(self, epoch: int) -> None:
        self.batch = -1

    def turns(self) -> Sequence[Turn]:
        self.batch += 1
        return tuple(Turn((m,), partial(unimodal_loss, m)) for m in self.modalities)

    @torch.no_grad()
    def modulate(self, backward: Backward) -> Modulation:
        gradient = self.weight.grad
        if len(backward.trained) != 1 or gradient is None or not self.options["project"]:
            return NEUTRAL
        if self.projection is None:
            self.projection = torch.eye(gradient.shape[1], device=gradient.device)
            return NEUTRAL
        mean = backward.forward.features[backward.trained[0]].mean(dim=0)
        code = self.text("variant", "code") == "code"
        damping = self.number("damping") * (DECAY ** (self.batch / self.batches) if code else 1.0)
        self.projection = (divided if code else least_squares)(self.projection, mean, damping)
        return Modulation(head_directions={self.weight: gradient @ self.projection.T})

    def state_dict(self) -> State:
        return {"projection": self.projection, "batch": self.batch}

    def load_state_dict(self, state: State) -> None:
        found = state["projection"]
        self.projection = None if found is None else found.to(self.weight.device)
        self.batch = state["batch"]


def unimodal_loss(modality: str, forward: Forward) -> Tensor:
    """Return the task's loss of one modality's logits."""
    return loss_of(forward, forward.unimodal_logits[modality])


def least_squares(
    projection: Float[Tensor, "D D"], mean: Float[Tensor, "D"], damping: float
) -> Float[Tensor, "D D"]:
    """Return P after one more mean feature, by recursive least squares (the paper)."""
    k = projection @ mean
    return projection - torch.outer(k, k) / (damping + mean @ k)


def divided(
    projection: Float[Tensor, "D D"], mean: Float[Tensor, "D"], damping: float
) -> Float[Tensor, "D D"]:
    """Return P after one more mean feature, as the released code computes it."""
    k = projection @ mean
    updated = projection - torch.outer(k, k) / (damping + torch.outer(k, mean))
    normalised: Tensor = updated / torch.linalg.matrix_norm(updated)
    return normalised
