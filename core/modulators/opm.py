"""OPM: drop the dominant modality's features more often the more it dominates.

Wei, Hu, Du, Wen: On-the-fly Modulation for Balanced Multimodal Learning, T-PAMI 2024 (On-the-fly
Prediction Modulation). Formula: OPM in core/methods/throttle.py. Any number of modalities.

Samples of which nothing is kept leave the batch, labels too. The paper warms up for 5 epochs
(first_epoch = 5); the released code leaves epochs 0 to 5 plain, so the default is 6. Dropping has
no halfway, so `strength` above 0 is the whole method. The random numbers come from the methods'
generator.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from asgml.core.measures.unimodal import discrepancy_ratio, true_class_scores
from asgml.core.modulators.base import Features, Modulator
from asgml.core.modulators.context import MethodContext
from asgml.core.types import Batch, Forward

LARGEST_SHARE = 0.99
"""Keeps the rescaling finite where nearly every feature is dropped."""


class Opm(Modulator):
    """Dropped features in the fusion's input in training; evaluation sees everything."""

    def attach(self, context: MethodContext) -> None:
        self.fusion = context.model.fusion
        self.generator = context.generator

    def before_fusion(self, features: Features, labels: Tensor) -> tuple[Features, Tensor]:
        execution, draws = self._draw(len(labels))
        if execution >= self.number("p_exe"):
            return features, labels
        rates = self.drop_rates(features, labels)
        return dropped(features, labels, draws >= rates, rates)

    @torch.no_grad()
    def drop_rates(self, features: Features, labels: Tensor) -> Float[Tensor, "M"]:
        """Return q_m from the unimodal logits of this batch."""
        unimodal = self.fusion.unimodal_logits(features)
        # The scores need only unimodal logits and labels; the labels stand in for the fused logits.
        scores = true_class_scores(Forward(Batch({}, labels), features, labels, unimodal, labels))
        return drop_rate(discrepancy_ratio(scores), self.number("q_base"), self.number("lambda"))

    def _draw(self, samples: int) -> tuple[float, Float[Tensor, "B M"]]:
        """Return uniform numbers for the batch and for each of its features.

        Always drawn, whether they are used or not, so every step moves the generator alike.
        """
        count = 1 + samples * len(self.modalities)
        drawn = torch.rand(count, generator=self.generator, device=self.generator.device)
        return float(drawn[0]), drawn[1:].view(samples, -1)


def drop_rate(discrepancy: Float[Tensor, "M"], base: float, slope: float) -> Float[Tensor, "M"]:
    """Return q_m = base * (1 + slope * tanh(rho_m - 1)) where rho_m > 1, else 0; in [0, 1]."""
    # Clamped: with lambda up to 2 the rate can exceed 1.
    rate = base * (1 + slope * torch.tanh(discrepancy - 1))
    return torch.where(discrepancy > 1, rate, torch.zeros_like(rate)).clamp(0, 1)


def dropped(
    features: Mapping[str, Tensor],
    labels: Tensor,
    kept: Bool[Tensor, "B M"],
    rates: Float[Tensor, "M"],
) -> tuple[dict[str, Tensor], Tensor]:
    """Return the features, zero where they are not kept, rescaled, without the empty samples.

    Where nothing of any sample is kept, the batch stays as it was: there is no training on nothing.
    """
    left = kept.any(dim=1)
    if not bool(left.any()):
        return dict(features), labels
    sizes = [feature.shape[1] for feature in features.values()]
    widths = torch.tensor(sizes, dtype=rates.dtype, device=rates.device)
    share = ((widths * rates).sum() / widths.sum()).clamp_max(LARGEST_SHARE)
    scaled = (kept.to(rates.dtype) / (1 - share))[left]
    changed = {
        m: feature[left] * scaled[:, i : i + 1] for i, (m, feature) in enumerate(features.items())
    }
    return changed, labels[left]
