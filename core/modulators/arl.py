"""ARL: let each modality learn in proportion to the inverse of its variance, not evenly.

Wei, Feng, Wang et al.: Improving Multimodal Learning via Imbalanced Learning, ICCV 2025
(Asymmetric Representation Learning). Formula: ARL in core/methods/two_sided.py. p_m are
zero-ablated logits, through the same head; the 1 in 1 + a_m is the paper's gradient residual;
modality 0 is the first of the data. Defined for two modalities.

The released script scales gradients only where epoch > start_epoch (models/backbone.py, line 325);
up to then the gradients are as they are. It computes the weights a_m and never assigns them to its
gradient scale, so a_m stays 0.5: variant=code. Its unused formula is another one too, weights=code:
entropies that add to 1, at least 0.3 each, inverted and made to add to 1 give q_m, and (a_0, a_1) =
softmax(T * d_1 * q_0, T * d_0 * q_1). It clips the norm of all gradients at 40 after scaling them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from asgml.core.measures.unimodal import mean_entropy
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import NEUTRAL, Modulation
from asgml.core.types import Backward, Forward, Scalar
from asgml.storage.format.knobs import Value

SMALLEST = 1e-6
"""Keeps ratios finite at an entropy of 0 (certain of everything) or logits of 0."""

SMALLEST_ENTROPY_SHARE = 0.3


class Arl(Modulator):
    """Never slows a modality: its gains lie between 1 and 2, and are 1 up to `start_epoch`."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.epoch = 0

    def attach(self, context: MethodContext) -> None:
        if len(self.modalities) != 2:
            raise MethodError(
                f"arl is defined for two modalities, this data has {len(self.modalities)}: "
                f"{', '.join(self.modalities)}"
            )
        self.fusion = context.model.fusion

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def loss(self, forward: Forward) -> Scalar:
        gamma = self.number("gamma") if self.started else 1.0
        return gamma * sum(
            functional.cross_entropy(logits, forward.labels)
            for logits in self.ablated_logits(forward)
        )

    def modulate(self, backward: Backward) -> Modulation:
        if not self.started:
            return NEUTRAL
        share = self.shares(backward.forward)
        return Modulation(gains={(m, "all"): 1 + share[i] for i, m in enumerate(self.modalities)})

    @property
    def started(self) -> bool:
        return self.epoch > self.number("start_epoch")

    @property
    def rule(self) -> str:
        """The rule of a_m: paper, code or even."""
        chosen = str(self.options["weights"])
        if chosen != "variant":
            return chosen
        return "paper" if self.options["variant"] == "paper" else "even"

    @torch.no_grad()
    def shares(self, forward: Forward) -> Float[Tensor, "M"]:
        """Return a_m, which add to 1."""
        if self.rule == "even":
            return forward.logits.new_full((2,), 0.5)
        logits = torch.stack(self.ablated_logits(forward)).float()
        entropy, size = mean_entropy(logits), logits.abs().mean(dim=(1, 2)).clamp_min(SMALLEST)
        formula = paper_shares if self.rule == "paper" else code_shares
        return formula(entropy, size / size.sum(), self.number("temperature"))

    def ablated_logits(self, forward: Forward) -> list[Float[Tensor, "B C"]]:
        """Return p_m, the head's logits where every other modality's features are zeros."""
        zeros = {m: torch.zeros_like(feature) for m, feature in forward.features.items()}
        return [self.fusion.fuse({**zeros, m: forward.features[m]}) for m in self.modalities]

    def state_dict(self) -> State:
        return {"epoch": self.epoch}

    def load_state_dict(self, state: State) -> None:
        self.epoch = state["epoch"]


def paper_shares(
    entropy: Float[Tensor, "2"], dependence: Float[Tensor, "2"], temperature: float
) -> Float[Tensor, "2"]:
    """Return softmax(T * q_0 / q_1, T * d_0 / d_1) with q = 1 / entropy."""
    safe = entropy.clamp_min(SMALLEST)
    # q_0 / q_1, upside down: q is the inverse of the entropy.
    wanted, present = safe[1] / safe[0], dependence[0] / dependence[1]
    return torch.softmax(temperature * torch.stack([wanted, present]), dim=0)


def code_shares(
    entropy: Float[Tensor, "2"], dependence: Float[Tensor, "2"], temperature: float
) -> Float[Tensor, "2"]:
    """Return softmax(T * d_1 * q_0, T * d_0 * q_1).

    q is the normalised inverse of the normalised, clamped entropies.
    """
    safe = entropy.clamp_min(SMALLEST)
    inverse = 1 / (safe / safe.sum()).clamp_min(SMALLEST_ENTROPY_SHARE)
    confidence = inverse / inverse.sum()
    return torch.softmax(temperature * dependence.flip(0) * confidence, dim=0)
