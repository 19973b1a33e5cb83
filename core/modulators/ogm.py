"""OGM and OGM-GE: throttle the dominant modality by the discrepancy of the unimodal logits.

Peng, Wei, Deng, Wang, Hu: Balanced Multimodal Learning via On-the-fly Gradient Modulation, CVPR
2022 (variant=cvpr). Wei, Hu, Du, Wen: On-the-fly Modulation for Balanced Multimodal Learning,
T-PAMI 2024 (variant=journal: continuous at rho_m = 1, and alpha may exceed 1).
Formula: OGM and OGM_GE in core/methods/throttle.py; with two modalities rho_m is s_m / s_j.

Only an encoder's kernels are modulated (the paper's convolution kernels); see Encoder.kernel_rule.
At a ratio of exactly 1 nothing is throttled; the published code throttles the first modality there.
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
    """A gain below 1 for every modality whose discrepancy ratio is above 1."""

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
        """Return k_m of the run's variant."""
        journal = self.text("variant", "cvpr") == "journal"
        formula = journal_coefficient if journal else throttle_coefficient
        return formula(discrepancy, self.number("alpha"))

    def noise(self, throttle: Float[Tensor, "M"]) -> Mapping[Key, Scalar]:
        """Return the noise levels."""
        return {}


class OgmGe(Ogm):
    """OGM with generalisation enhancement: noise of the gradient's size on every modality.

    With noise=dominant a modality that is not throttled gets none.
    """

    def noise(self, throttle: Float[Tensor, "M"]) -> Mapping[Key, Scalar]:
        if self.text("noise", "both") == "both":
            return {(m, "kernels"): 1.0 for m in self.modalities}
        # 0 or 1 as tensors: a comparison on the host would wait for the device in every step.
        acts = (throttle != 1).to(throttle.dtype)
        return {(m, "kernels"): acts[i] for i, m in enumerate(self.modalities)}


def throttle_coefficient(discrepancy: Float[Tensor, "M"], alpha: float) -> Float[Tensor, "M"]:
    """Return k_m = 1 - tanh(alpha * rho_m) where rho_m > 1, else 1."""
    throttled = 1 - torch.tanh(alpha * discrepancy)
    return torch.where(discrepancy > 1, throttled, torch.ones_like(discrepancy))


def journal_coefficient(discrepancy: Float[Tensor, "M"], alpha: float) -> Float[Tensor, "M"]:
    """Return k_m = max(0, 1 - alpha * tanh(rho_m - 1)) where rho_m > 1, else 1."""
    return (1 - alpha * torch.tanh((discrepancy - 1).clamp_min(0))).clamp_min(0)
