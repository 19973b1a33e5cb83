"""OGM and OGM-GE: throttle the dominant modality by the discrepancy of the modalities' own logits.

Peng, Wei, Deng, Wang, Hu: Balanced Multimodal Learning via On-the-fly Gradient Modulation, CVPR 2022 (variant cvpr).
Wei, Hu, Du, Wen: On-the-fly Modulation for Balanced Multimodal Learning, T-PAMI 2024 (variant journal).

    s_m   = sum_i softmax(z_m)_i[y_i]                            true-class score of modality m
    rho_m = mean over j != m of s_m / s_j                        discrepancy ratio; two modalities: s_m / s_j
    cvpr     k_m = 1 - tanh(alpha * rho_m)             where rho_m > 1, else 1     throttle
    journal  k_m = max(0, 1 - alpha * tanh(rho_m - 1)) where rho_m > 1, else 1     continuous at 1; alpha may exceed 1
    OGM     g_m <- k_m * g_m
    OGM-GE  g_m <- k_m * g_m + N(0, std(g_m)^2)        noise on every modality, or on those with k_m != 1 (noise=dominant)

Only an encoder's kernels are modulated (the paper's convolution kernels); see Encoder.kernel_rule.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.measures.unimodal import discrepancy_ratio, true_class_scores
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.modulation import Key, Modulation
from asgml.core.types import Backward, Scalar


class Ogm(Modulator):
    """Throttles every modality whose discrepancy ratio is above 1.

    At a ratio of exactly 1 nothing is throttled; the published code throttles the first modality there.
    """

    def modulate(self, backward: Backward) -> Modulation:
        discrepancy = discrepancy_ratio(true_class_scores(backward.forward))
        throttle = self.throttle(discrepancy)
        return Modulation(
            gains={(m, "kernels"): throttle[i] for i, m in enumerate(self.modalities)},
            noise=self.noise(throttle),
            factors={f"throttle/{m}": throttle[i] for i, m in enumerate(self.modalities)},
            readings={f"discrepancy/{m}": discrepancy[i] for i, m in enumerate(self.modalities)},
        )

    def throttle(self, discrepancy: Float[Tensor, "M"]) -> Float[Tensor, "M"]:
        """k_m of the variant that the run has."""
        journal = self.options.get("variant", "cvpr") == "journal"
        return (journal_coefficient if journal else throttle_coefficient)(
            discrepancy, self.number("alpha")
        )

    def noise(self, throttle: Float[Tensor, "M"]) -> Mapping[Key, Scalar]:
        return {}


class OgmGe(Ogm):
    """OGM with generalisation enhancement: noise of the gradient's own size on every modality, throttled or not.

    With noise=dominant a modality that is not throttled gets none.
    """

    def noise(self, throttle: Float[Tensor, "M"]) -> Mapping[Key, Scalar]:
        if self.options.get("noise", "both") == "both":
            return {(m, "kernels"): 1.0 for m in self.modalities}
        return {
            (m, "kernels"): (throttle[i] != 1).to(throttle.dtype)
            for i, m in enumerate(self.modalities)
        }


def throttle_coefficient(discrepancy: Float[Tensor, "M"], alpha: float) -> Float[Tensor, "M"]:
    """k_m = 1 - tanh(alpha * rho_m) where rho_m > 1, else 1."""
    return torch.where(
        discrepancy > 1, 1 - torch.tanh(alpha * discrepancy), torch.ones_like(discrepancy)
    )


def journal_coefficient(discrepancy: Float[Tensor, "M"], alpha: float) -> Float[Tensor, "M"]:
    """k_m = max(0, 1 - alpha * tanh(rho_m - 1)) where rho_m > 1, else 1."""
    return (1 - alpha * torch.tanh((discrepancy - 1).clamp_min(0))).clamp_min(0)
