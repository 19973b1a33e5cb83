"""G-Blending: weigh the joint and the modalities' own losses by how well each generalises and how little it over-fits.

Wang, Tran, Feiszli: What Makes Training Multi-modal Classification Networks Hard?, CVPR 2020 (online version).

    L   = w_0 * L_task + sum_m w_m * CE(z_m, y),    sum of all w = 1
    w_k = (G_k / O_k^2) / Z                          core/modulators/blending.py

Every `every` epochs a copy of the model is trained for `measure_epochs` epochs by each of the M + 1 losses, and G and O
are read off it; the model itself is not touched. The paper measures over whole super-epochs (measure_epochs = every): that
costs M + 1 trainings beside the one. The copies begin with a fresh optimizer.
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
    """Any number of modalities. Before the first measurement the loss is the task's alone."""

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
        """What to add to the task's loss, which is in already with weight 1."""
        if self.weights is None:
            return 0.0
        losses = losses_of(forward)
        total: Tensor = (self.weights.to(losses) * losses).sum() - losses[0]
        return total

    def modulate(self, backward: Backward) -> Modulation:
        if self.weights is None:
            return Modulation()
        own: list[float] = self.weights[1:].tolist()
        return Modulation(
            readings={
                f"loss_weight/{m}": weight for m, weight in zip(self.modalities, own, strict=True)
            }
        )

    def state_dict(self) -> State:
        return {
            "measured_in": self.measured_in,
            **({} if self.weights is None else {"weights": torch.clone(self.weights)}),
        }

    def load_state_dict(self, state: State) -> None:
        self.measured_in, self.weights = int(state["measured_in"]), state.get("weights")
