"""The scheduler: from the modalities' utilization to boost scales (ASGML v2, section 3.2).

    u_m      <- e * p_m + (1 - e) * u_m                       utilization, from 0 (see core/measures/probes.py)
    w_m       = 1 - (u_m - min u) / (max u - min u)           relative weakness: 0 strongest, 1 weakest
    target_m  = min(1 + alpha * w_m, scale_max)               1 for all while max u - min u < 1e-8
    scale_m  <- ema_alpha * target_m + (1 - ema_alpha) * scale_m     from 1

The scale depends on the rank of the utilizations alone where there are two modalities: the weaker one tends to 1 + alpha
whatever the gap. Two options, both off at 0, let the size of the gap count:

    gap = max u - min u;   alpha_eff = alpha * clip(gap / gap_scale, 0, 1);   no boost while gap < dead_band
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SMALLEST_GAP = 1e-8


class BoostScheduler:
    """Boost scales of the modalities, updated at each probe evaluation.

    What is smoothed is the effective weakness (target - 1) / alpha, and the scale is 1 + alpha times that. While alpha
    and scale_max stand still this is the smoothed target exactly; when a person changes them the scale follows at once,
    instead of at the next probe evaluation.
    """

    def __init__(self, modalities: Sequence[str]) -> None:
        self.weakness = dict.fromkeys(modalities, 0.0)
        self.target = dict.fromkeys(modalities, 1.0)

    def update(
        self,
        utilization: Mapping[str, float],
        *,
        alpha: float,
        scale_max: float,
        ema_alpha: float,
        strength: float = 1.0,
    ) -> None:
        """Takes in the utilizations after one probe evaluation, {modality: u in [0, 1]}.

        `strength` in [0, 1] is the part of alpha that this gap deserves (see `gap_strength`).
        """
        self.target = boost_targets(utilization, strength * alpha, scale_max)
        capped = cap_on_weakness(alpha, scale_max)
        for modality, weakness in relative_weakness(utilization).items():
            self.weakness[modality] = (
                ema_alpha * min(strength * weakness, capped)
                + (1 - ema_alpha) * self.weakness[modality]
            )

    def scales(self, alpha: float, scale_max: float) -> dict[str, float]:
        """The boost scales for these knobs, {modality: scale in [1, scale_max]}."""
        return {
            modality: min(1 + alpha * weakness, scale_max)
            for modality, weakness in self.weakness.items()
        }

    def state_dict(self) -> dict[str, Any]:
        return {"weakness": dict(self.weakness), "target": dict(self.target)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.weakness, self.target = dict(state["weakness"]), dict(state["target"])


def boost_targets(
    utilization: Mapping[str, float], alpha: float, scale_max: float
) -> dict[str, float]:
    """The document's `get_continuous_scales`: the scale that each utilization asks for, before smoothing."""
    return {
        modality: min(1 + alpha * weakness, scale_max)
        for modality, weakness in relative_weakness(utilization).items()
    }


def relative_weakness(utilization: Mapping[str, float]) -> dict[str, float]:
    """0 for the strongest modality, 1 for the weakest, linear between; 0 for all where they are equal."""
    lowest = min(utilization.values())
    gap = max(utilization.values()) - lowest
    if gap < SMALLEST_GAP:
        return dict.fromkeys(utilization, 0.0)
    return {modality: 1 - (value - lowest) / gap for modality, value in utilization.items()}


def gap_strength(gap: float, gap_scale: float, dead_band: float) -> float:
    """clip(gap / gap_scale, 0, 1), and 0 below the dead band; each is off at 0."""
    if gap < dead_band:
        return 0.0
    return min(gap / gap_scale, 1.0) if gap_scale > 0 else 1.0


def cap_on_weakness(alpha: float, scale_max: float) -> float:
    """The weakness at which 1 + alpha * w reaches scale_max; no cap for alpha 0."""
    return (scale_max - 1) / alpha if alpha > 0 else float("inf")
