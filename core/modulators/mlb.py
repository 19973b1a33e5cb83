"""MLB: accelerate the weak and slow the strong modality with one formula, with unimodal losses.

Kontras, Chatzichristos, Blaschko, De Vos: Improving Multimodal Learning with Multi-Loss Gradient
Modulation, BMVC 2024. Formula: MLB in core/methods/two_sided.py; gamma is 1 in the paper, and k_m
is 1 where the modalities are even.

The paper's z_m come from unimodal heads (fusion.alone=heads); the exact split of a linear head will
do as well. The step can be scaled through the gradient, or through the learning rate (via=lr),
which also works with Adam.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.measures.unimodal import true_class_scores
from asgml.core.modulators.acceleration import lag_ratio
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.modulation import Modulation
from asgml.core.modulators.unimodal_loss import unimodal_loss
from asgml.core.types import Backward, Forward, Scalar

BETA_STRONG = 2.0
"""b_m of a modality that is ahead: its k_m stays above 0."""


class Mlb(Modulator):
    """One gain for each modality. Fades as the modalities draw level, so it needs no window."""

    def loss(self, forward: Forward) -> Scalar:
        return unimodal_loss(forward, self.number("gamma"))

    def modulate(self, backward: Backward) -> Modulation:
        lag = lag_ratio(true_class_scores(backward.forward))
        k = mlb_coefficient(lag, self.number("alpha"), self.number("beta_max"))
        if self.text("via", "gradient") == "lr":
            return Modulation(rates=dict(zip(self.modalities, k.unbind(), strict=True)))
        return Modulation(gains={(m, "all"): k[i] for i, m in enumerate(self.modalities)})


def mlb_coefficient(lag: Float[Tensor, "M"], alpha: float, beta_max: float) -> Float[Tensor, "M"]:
    """Return k_m = 1 + (b_m - 1) * tanh(alpha * (r_m - 1)), b_m = beta_max if r_m > 1 else 2."""
    weak, strong = torch.full_like(lag, beta_max), torch.full_like(lag, BETA_STRONG)
    reach = torch.where(lag > 1, weak, strong) - 1
    return 1 + reach * torch.tanh(alpha * (lag - 1))
