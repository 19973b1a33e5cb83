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

from core.modulators.base import Modulator
from core.modulators.modulation import Key, Modulation
from core.types import Backward, Forward, Scalar

SMALLEST_SCORE = 1e-12
"""Keeps the ratio finite where a modality gives its true classes no probability at all."""


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
        return (journal_coefficient if journal else throttle_coefficient)(discrepancy, self.number("alpha"))

    def noise(self, throttle: Float[Tensor, "M"]) -> Mapping[Key, Scalar]:
        return {}


class OgmGe(Ogm):
    """OGM with generalisation enhancement: noise of the gradient's own size on every modality, throttled or not.

    With noise=dominant a modality that is not throttled gets none.
    """

    def noise(self, throttle: Float[Tensor, "M"]) -> Mapping[Key, Scalar]:
        if self.options.get("noise", "both") == "both":
            return {(m, "kernels"): 1.0 for m in self.modalities}
        return {(m, "kernels"): (throttle[i] != 1).to(throttle.dtype) for i, m in enumerate(self.modalities)}


@torch.no_grad()
def true_class_scores(forward: Forward) -> Float[Tensor, "M"]:
    """s_m: summed over the batch, the probability that modality m's own logits give the true class. In float32."""
    stacked = torch.stack([logits.detach().float() for logits in forward.alone.values()])
    labels = forward.labels.expand(len(stacked), -1).unsqueeze(2)
    return stacked.softmax(dim=2).gather(2, labels).sum(dim=(1, 2))


def discrepancy_ratio(scores: Float[Tensor, "M"]) -> Float[Tensor, "M"]:
    """rho_m: mean of the pairwise ratios s_m / s_j over the other modalities; 1 everywhere for a single modality.

    For more than two modalities this is the authors' own rule (Wei et al., On-the-fly Modulation, T-PAMI 2024).
    """
    others = len(scores) - 1
    if others == 0:
        return torch.ones_like(scores)
    safe = scores.clamp_min(SMALLEST_SCORE)
    ratios = safe.unsqueeze(1) / safe.unsqueeze(0)
    return (ratios.sum(dim=1) - 1) / others


def throttle_coefficient(discrepancy: Float[Tensor, "M"], alpha: float) -> Float[Tensor, "M"]:
    """k_m = 1 - tanh(alpha * rho_m) where rho_m > 1, else 1."""
    return torch.where(discrepancy > 1, 1 - torch.tanh(alpha * discrepancy), torch.ones_like(discrepancy))


def journal_coefficient(discrepancy: Float[Tensor, "M"], alpha: float) -> Float[Tensor, "M"]:
    """k_m = max(0, 1 - alpha * tanh(rho_m - 1)) where rho_m > 1, else 1."""
    return (1 - alpha * torch.tanh((discrepancy - 1).clamp_min(0))).clamp_min(0)
