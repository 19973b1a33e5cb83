"""G-Blending: weigh the joint and the unimodal losses by how each generalises and over-fits.

Wang, Tran, Feiszli: What Makes Training Multi-modal Classification Networks Hard?, CVPR 2020
(online version). Formula: G_BLENDING in core/methods/joint_losses.py; measured in blending.py.

Every `every` epochs a copy of the model is trained for `measure_epochs` epochs by each of the M + 1
losses, and G and O are read off it; the model itself is not touched. The paper measures over whole
super-epochs (measure_epochs = every): that costs M + 1 trainings beside the one. The copies begin
with a fresh optimizer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.blending import losses_of, measure
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.types import Backward, Forward, Scalar
from asgml.storage.format.knobs import Value


class GBlending(Modulator):
    """For any number of modalities. Before the first measurement the loss is the task's."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.weights: Tensor | None = None
        self.measured_in = 0

    def attach(self, context: MethodContext) -> None:
        self.context = context

    def before_epoch(self, epoch: int, strength: float) -> None:
        if self.weights is None or epoch - self.measured_in >= self.number("every"):
            self.weights = measure(self.context, epoch, int(self.number("measure_epochs")))
            self.measured_in = epoch

    def loss(self, forward: Forward) -> Scalar:
        """Return the blended loss less the task's, which the trainer adds with weight 1."""
        if self.weights is None:
            return 0.0
        losses = losses_of(forward)
        total: Tensor = (self.weights.to(losses) * losses).sum() - losses[0]
        return total

    def modulate(self, backward: Backward) -> Modulation:
        if self.weights is None:
            return Modulation()
        weights: list[float] = self.weights[1:].tolist()
        pairs = zip(self.modalities, weights, strict=True)
        return Modulation(readings={f"loss_weight/{m}": weight for m, weight in pairs})

    def state_dict(self) -> State:
        measured = {} if self.weights is None else {"weights": torch.clone(self.weights)}
        return {"measured_in": self.measured_in, **measured}

    def load_state_dict(self, state: State) -> None:
        self.measured_in, self.weights = int(state["measured_in"]), state.get("weights")
