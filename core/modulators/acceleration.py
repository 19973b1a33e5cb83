"""OGM* and PMR's Acc: accelerate the weak modality by its discrepancy, leave the dominant one.

OGM*  Wei, Hu, Du, Wen: On-the-fly Modulation for Balanced Multimodal Learning, T-PAMI 2024,
      section 4.4.2.
Acc   Fan, Xu, Wang, Wang, Guo: PMR: Prototypical Modal Rebalance for Multimodal Learning, CVPR
      2023, section 3.
Formula: OGM_STAR in core/methods/boost.py. The coefficient lies in [1, 2] and jumps at r_m = 1.

The two are the same formula, so they share this code; both papers report it as a comparison that
throttling beats. OGM*'s released code has the constant 4 in place of 1 + tanh(alpha * r_m):
coefficient=constant. It acts in epochs 6 to 80, PMR's in 0 to 50: hence the default windows. For
more than two modalities r_m is the mean of the pairwise ratios, as in OGM; neither paper defines
it. The strongest modality never has r_m > 1.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.measures.unimodal import SMALLEST_SCORE, true_class_scores
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.modulation import Modulation
from asgml.core.types import Backward

CONSTANT = 4.0
"""The weak modality's coefficient in OGM*'s released code."""


class Accelerate(Modulator):
    """A gain above 1 for every modality that the others are ahead of."""

    def modulate(self, backward: Backward) -> Modulation:
        lag = lag_ratio(true_class_scores(backward.forward))
        factor = self.coefficient(lag)
        return Modulation(
            gains={(m, "kernels"): factor[i] for i, m in enumerate(self.modalities)},
            factors={f"boost_scale/{m}": factor[i] for i, m in enumerate(self.modalities)},
        )

    def coefficient(self, lag: Float[Tensor, "M"]) -> Float[Tensor, "M"]:
        if self.text("coefficient", "tanh") == "constant":
            return torch.where(lag > 1, torch.full_like(lag, CONSTANT), torch.ones_like(lag))
        return acceleration(lag, self.number("alpha"))


def lag_ratio(scores: Float[Tensor, "M"]) -> Float[Tensor, "M"]:
    """Return r_m, the mean of s_j / s_m over the other modalities; 1 for a single modality."""
    others = len(scores) - 1
    if others == 0:
        return torch.ones_like(scores)
    safe = scores.clamp_min(SMALLEST_SCORE)
    # The mean of all s_j / s_m with j != m, without the matrix of pairs.
    return (safe.sum() - safe) / (others * safe)


def acceleration(lag: Float[Tensor, "M"], alpha: float) -> Float[Tensor, "M"]:
    """Return 1 + tanh(alpha * r_m) where r_m > 1, else 1."""
    return torch.where(lag > 1, 1 + torch.tanh(alpha * lag), torch.ones_like(lag))
