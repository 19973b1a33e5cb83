"""Compute the boost scale of each modality from its utilization (ASGML v2, section 3.2).

Formula: BOOST in core/methods/boost.py. The utilization comes from core/measures/probes.py.

With two modalities the scale depends only on the rank of the utilizations: the weaker one tends to
1 + alpha whatever the gap. Two options, both off at 0, let the size of the gap count: `gap_scale`
and `dead_band`, see `gap_strength`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SMALLEST_GAP = 1e-8
"""Below this gap the modalities are equally strong; the weakness would be divided by it."""


class BoostScheduler:
    """Boost scales of the modalities, updated at each probe evaluation.

    The smoothed quantity is the effective weakness (target - 1) / alpha, and the scale is 1 + alpha
    times that. While alpha and scale_max stand still this is the smoothed target exactly; when the
    user changes them the scale follows at once, not at the next probe evaluation.
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
        """Smooth in the utilizations of one probe evaluation, {modality: u in [0, 1]}.

        `strength` in [0, 1] is the share of alpha that this gap gets (see `gap_strength`).
        """
        self.target = boost_targets(utilization, strength * alpha, scale_max)
        # Capped before smoothing, as the targets are: else the two would drift apart.
        cap = weakness_cap(alpha, scale_max)
        for modality, weakness in relative_weakness(utilization).items():
            newest, smoothed = min(strength * weakness, cap), self.weakness[modality]
            self.weakness[modality] = ema_alpha * newest + (1 - ema_alpha) * smoothed

    def scales(self, alpha: float, scale_max: float) -> dict[str, float]:
        """Return the boost scales for these knobs, {modality: scale in [1, scale_max]}."""
        return {m: min(1 + alpha * weakness, scale_max) for m, weakness in self.weakness.items()}

    def state_dict(self) -> dict[str, Any]:
        return {"weakness": dict(self.weakness), "target": dict(self.target)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.weakness, self.target = dict(state["weakness"]), dict(state["target"])


def boost_targets(
    utilization: Mapping[str, float], alpha: float, scale_max: float
) -> dict[str, float]:
    """Return the scales before smoothing; the document's `get_continuous_scales`."""
    weakness = relative_weakness(utilization)
    return {m: min(1 + alpha * weak, scale_max) for m, weak in weakness.items()}


def relative_weakness(utilization: Mapping[str, float]) -> dict[str, float]:
    """Return 0 for the strongest, 1 for the weakest, linear between; all 0 if they are equal."""
    lowest = min(utilization.values())
    gap = max(utilization.values()) - lowest
    if gap < SMALLEST_GAP:
        return dict.fromkeys(utilization, 0.0)
    return {modality: 1 - (value - lowest) / gap for modality, value in utilization.items()}


def gap_strength(gap: float, gap_scale: float, dead_band: float) -> float:
    """Return clip(gap / gap_scale, 0, 1), and 0 below the dead band; each is off at 0."""
    if gap < dead_band:
        return 0.0
    return min(gap / gap_scale, 1.0) if gap_scale > 0 else 1.0


def weakness_cap(alpha: float, scale_max: float) -> float:
    """Return the weakness at which 1 + alpha * w reaches scale_max; no cap for alpha 0."""
    return (scale_max - 1) / alpha if alpha > 0 else float("inf")
