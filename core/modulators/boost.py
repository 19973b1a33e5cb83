"""Boost: multiply the weak modality's gradient, guided by detached linear probes (ASGML v2).

g_m <- scale_m * g_m        for all parameters of encoder m, every step, with the scales of core/scheduler.py
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.modulators.base import Modulator, State
from core.modulators.modulation import Modulation
from core.scheduler import BoostScheduler
from core.types import Backward, ProbeReading
from storage.knobs import Value


class Boost(Modulator):
    """Scales from the probes: 1 for the strongest modality, up to 1 + alpha for the weakest."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.scheduler = BoostScheduler(self.modalities)

    def modulate(self, backward: Backward) -> Modulation:
        scales = self.scheduler.scales(self.number("alpha"), self.number("scale_max"))
        return Modulation(
            gains={(m, "all"): scale for m, scale in scales.items()},
            factors={f"boost_scale/{m}": scale for m, scale in scales.items()},
        )

    def observe(self, reading: ProbeReading) -> None:
        self.scheduler.update(
            reading.utilization, alpha=self.number("alpha"), scale_max=self.number("scale_max"), ema_alpha=self.number("ema_alpha")
        )

    def probe_columns(self) -> dict[str, float]:
        return {f"boost_target/{m}": target for m, target in self.scheduler.target.items()}

    def state_dict(self) -> State:
        return self.scheduler.state_dict()

    def load_state_dict(self, state: State) -> None:
        self.scheduler.load_state_dict(state)
