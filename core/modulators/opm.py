"""OPM: drop the dominant modality's features more often the more it dominates.

Wei, Hu, Du, Wen: On-the-fly Modulation for Balanced Multimodal Learning, T-PAMI 2024 (On-the-fly Prediction Modulation).

    rho_m = mean over j != m of s_m / s_j                           discrepancy ratio, as in OGM
    q_m   = q_base * (1 + lambda * tanh(rho_m - 1))   where rho_m > 1, else 0;  clipped to [0, 1]
    with probability p_exe per batch: h_m <- 0 for each sample with probability q_m
    theta = sum_m D_m q_m / sum_m D_m                               the share of features that is dropped
    h     <- h / (1 - theta)                                        so that their expected size stays

Samples with nothing left go out of the batch, labels too. The paper warms up for 5 epochs: first_epoch = 5. Dropping has
no halfway, so `strength` above 0 is the whole method. Any number of modalities; the random numbers are the methods' own.
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
    """Acts on what the fusion is fed in training; evaluation sees everything."""

    def attach(self, context: MethodContext) -> None:
        self.fusion = context.model.fusion
        self.generator = context.generator

    def before_fusion(self, features: Features, labels: Tensor) -> tuple[Features, Tensor]:
        acts, draws = self._draw(len(labels))
        if acts >= self.number("p_exe"):
            return features, labels
        rates = self.drop_rates(features, labels)
        return dropped(features, labels, draws >= rates, rates)

    @torch.no_grad()
    def drop_rates(self, features: Features, labels: Tensor) -> Float[Tensor, "M"]:
        """q_m from what each modality's own logits make of this batch."""
        alone = self.fusion.unimodal_logits(features)
        scores = true_class_scores(Forward(Batch({}, labels), features, labels, alone, labels))
        return drop_rate(discrepancy_ratio(scores), self.number("q_base"), self.number("lambda"))

    def _draw(self, samples: int) -> tuple[float, Float[Tensor, "B M"]]:
        """Uniform numbers for the batch and for each of its features: as many in every step, whatever comes of them."""
        device = self.generator.device
        drawn = torch.rand(
            1 + samples * len(self.modalities), generator=self.generator, device=device
        )
        return float(drawn[0]), drawn[1:].view(samples, -1)


def drop_rate(discrepancy: Float[Tensor, "M"], base: float, slope: float) -> Float[Tensor, "M"]:
    """q_m = base * (1 + slope * tanh(rho_m - 1)) where rho_m > 1, else 0; in [0, 1]."""
    grown = base * (1 + slope * torch.tanh(discrepancy - 1))
    return torch.where(discrepancy > 1, grown, torch.zeros_like(grown)).clamp(0, 1)


def dropped(
    features: Mapping[str, Tensor],
    labels: Tensor,
    kept: Bool[Tensor, "B M"],
    rates: Float[Tensor, "M"],
) -> tuple[dict[str, Tensor], Tensor]:
    """The features with zeros where they are not kept, rescaled; without the samples of which nothing is kept.

    Where nothing of any sample is kept, the batch stays as it was: there is no training on nothing.
    """
    left = kept.any(dim=1)
    if not bool(left.any()):
        return dict(features), labels
    widths = torch.tensor(
        [feature.shape[1] for feature in features.values()], dtype=rates.dtype, device=rates.device
    )
    share = ((widths * rates).sum() / widths.sum()).clamp_max(LARGEST_SHARE)
    scaled = (kept.to(rates.dtype) / (1 - share))[left]
    return {
        m: feature[left] * scaled[:, i : i + 1] for i, (m, feature) in enumerate(features.items())
    }, labels[left]
