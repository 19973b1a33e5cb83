"""What ASGML v1 remembers of a training to tell how fast each modality learns: gradient norms, own losses, probes."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.modulators.learning_speed import (
    SMALLEST_GAP,
    clamp,
    learning_speeds,
    over_weakest,
    relative,
)
from asgml.storage.format.knobs import Value

NORM_EMA = 0.1
"""Weight of the newest gradient norm in its moving average, which starts at 0."""

LOSSES_KEPT = 10


class SpeedTracker:
    """Steps done, and what was seen of them. Numbers stay on their device until tau is asked for."""

    def __init__(self, count: int) -> None:
        self.step = 0
        self.norms: Float[Tensor, "M"] = torch.zeros(count)
        self.losses: deque[Tensor] = deque(maxlen=LOSSES_KEPT)
        self.utilization = [0.0] * count

    def track(self, norms: Float[Tensor, "M"], losses: Float[Tensor, "M"]) -> None:
        """One more step, with the norms of the gradients that were used and the modalities' own losses."""
        self.norms = NORM_EMA * norms + (1 - NORM_EMA) * self.norms.to(norms.device)
        self.losses.append(losses)
        self.step += 1

    def taus(self, options: Mapping[str, Value]) -> list[float]:
        """tau_m, from the chosen signal."""
        least, most = float(options["tau_min"]), float(options["tau_max"])
        if (
            options["signal"] == "probe"
            and max(self.utilization) - min(self.utilization) < SMALLEST_GAP
        ):
            return clamp([1.0] * len(self.utilization), least, most)
        if not options["relative"]:
            return clamp(self.raw_ratios(str(options["signal"])), least, most)
        speeds = self.speeds(str(options["signal"]), float(options["beta"]))
        return clamp([float(options["tau_base"]) * speed for speed in speeds], least, most)

    def speeds(self, signal: str, beta: float) -> list[float]:
        """S_m of the signal; all equal before two steps were seen."""
        known, most = self.utilization, max(self.utilization)
        if signal == "probe":
            return relative(known)
        dual = (
            learning_speeds(self.norms.tolist(), self.descents(), beta)
            if self.step >= 2
            else [1.0] * len(known)
        )
        if signal == "dual":
            return dual
        return (
            [0.5 * s + 0.5 * u / most for s, u in zip(dual, known, strict=True)]
            if most > 0
            else dual
        )

    def raw_ratios(self, signal: str) -> list[float]:
        """How many times faster than the slowest."""
        norms, known = over_weakest(self.norms.tolist()), over_weakest(self.utilization)
        return {"dual": norms, "probe": known}.get(
            signal, [(a + b) / 2 for a, b in zip(norms, known, strict=True)]
        )

    def descents(self) -> Sequence[float]:
        """How far each own loss moved over the window, up or down."""
        oldest, newest = self.losses[0], self.losses[-1]
        found: list[float] = (oldest.to(newest.device) - newest).abs().tolist()
        return found

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "norms": self.norms,
            "losses": list(self.losses),
            "utilization": list(self.utilization),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.step, self.norms, self.utilization = (
            int(state["step"]),
            state["norms"],
            list(state["utilization"]),
        )
        self.losses = deque(state["losses"], maxlen=LOSSES_KEPT)
