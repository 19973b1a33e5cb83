"""Learning speeds of ASGML v1: follow a training and derive each modality's update interval tau.

Formula: ASGML_V1 in core/methods/rates.py. G_m = n_m / mean n and D_m / mean D are compared by
their size relative to the other modalities, so S has mean 1. All of it is computed on the host in
float64, once in some hundred steps. The diagnostics record G and D of every method.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.storage.format.knobs import Value

Numbers = Sequence[float]

NORM_EMA = 0.1
"""Weight of the newest gradient norm in its moving average."""

LOSSES_KEPT = 10

SMALLEST_MEAN = 1e-8
"""Below this mean there is nothing to compare: all modalities count as equally fast."""

SMALLEST_GAP = 0.1
"""Smallest difference of the probe accuracies that is acted on (signal = probe)."""


class SpeedTracker:
    """Gradient norms, unimodal losses and utilization of the steps so far.

    Norms and losses stay on their device until `taus` is called, so that no step waits for them.
    """

    def __init__(self, count: int) -> None:
        self.step = 0
        self.norms: Float[Tensor, "M"] = torch.zeros(count)
        self.losses: deque[Tensor] = deque(maxlen=LOSSES_KEPT)
        self.utilization = [0.0] * count

    def track(self, norms: Float[Tensor, "M"], losses: Float[Tensor, "M"]) -> None:
        """Add a step: the norms of the gradients before any modulation, and the unimodal losses."""
        self.norms = NORM_EMA * norms + (1 - NORM_EMA) * self.norms.to(norms.device)
        self.losses.append(losses)
        self.step += 1

    def taus(self, options: Mapping[str, Value]) -> list[float]:
        """Return tau_m of the chosen signal."""
        signal = str(options["signal"])
        least, most = float(options["tau_min"]), float(options["tau_max"])
        gap = max(self.utilization) - min(self.utilization)
        if signal == "probe" and gap < SMALLEST_GAP:
            return clamp([1.0] * len(self.utilization), least, most)
        if not options["relative"]:
            return clamp(self.raw_ratios(signal), least, most)
        speeds = self.speeds(signal, float(options["beta"]))
        return clamp([float(options["tau_base"]) * speed for speed in speeds], least, most)

    def speeds(self, signal: str, beta: float) -> list[float]:
        """Return S_m of the signal."""
        if signal == "probe":
            return relative(self.utilization)
        dual = self._dual_speeds(beta)
        most = max(self.utilization)
        if signal == "dual" or most <= 0:
            return dual
        return [0.5 * s + 0.5 * u / most for s, u in zip(dual, self.utilization, strict=True)]

    def raw_ratios(self, signal: str) -> list[float]:
        """Return how many times faster than the slowest each modality is."""
        norms, utilization = over_weakest(self.norms.tolist()), over_weakest(self.utilization)
        if signal == "dual":
            return norms
        if signal == "probe":
            return utilization
        return [(a + b) / 2 for a, b in zip(norms, utilization, strict=True)]

    def _dual_speeds(self, beta: float) -> list[float]:
        # A change of loss needs two steps; before that all are equally fast.
        if self.step < 2:
            return [1.0] * len(self.utilization)
        return learning_speeds(self.norms.tolist(), self._descents(), beta)

    def _descents(self) -> list[float]:
        """Return how far each unimodal loss moved over the window, up or down."""
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
        self.step, self.norms = int(state["step"]), state["norms"]
        self.utilization = list(state["utilization"])
        self.losses = deque(state["losses"], maxlen=LOSSES_KEPT)


def relative(values: Numbers) -> list[float]:
    """Return each value in units of the mean of all."""
    mean = sum(values) / len(values)
    return [1.0] * len(values) if mean < SMALLEST_MEAN else [value / mean for value in values]


def over_weakest(values: Numbers) -> list[float]:
    """Return each value in units of the smallest: the raw ratio r = n_dominant / n_weak."""
    least = min(values)
    return [1.0] * len(values) if least < SMALLEST_MEAN else [value / least for value in values]


def learning_speeds(norms: Numbers, descents: Numbers, beta: float) -> list[float]:
    """Return S_m = beta * G_m + (1 - beta) * D_m, of norms and descents relative to their means."""
    pairs = zip(relative(norms), relative(descents), strict=True)
    return [beta * g + (1 - beta) * d for g, d in pairs]


def clamp(values: Numbers, least: float, most: float) -> list[float]:
    return [min(max(value, least), most) for value in values]
