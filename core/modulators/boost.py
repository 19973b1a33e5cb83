"""Boost: multiply the weak modality's gradient, guided by detached linear probes (ASGML v2).

g_m <- scale_m * g_m        for all parameters of encoder m, every step, with the scales of core/modulators/boost_scheduler.py

That is the default. Options, each off unless asked for (ASGML v2.1):
    gap_scale, dead_band   let the size of the gap count (core/modulators/boost_scheduler.py)
    signal                 probe | probe_val (probes scored on validation samples) | those of core/modulators/signals.py
    bias_corrected         utilization / (1 - (1 - e)^n): not understated early, so that gaps have their true size
    schedule               alpha constant | linear or cosine from alpha to 0 over the run | gap: alpha * gap / largest gap so far
    via                    gradient | lr: scale the encoder's learning rate instead, which Adam does not cancel
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from asgml.core.methods.spec import MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.boost_scheduler import BoostScheduler, gap_strength
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.modulators.signals import Average, batch_signal, correction
from asgml.core.seeds import seed_for
from asgml.core.types import Backward, ProbeReading
from asgml.storage.format.knobs import Value


class Boost(Modulator):
    """Scales from the probes: 1 for the strongest modality, up to 1 + alpha for the weakest."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.scheduler = BoostScheduler(self.modalities)
        self.average = Average()
        self.ema = 0.1
        self.epochs, self.epoch = 1, 0
        self.largest_gap = 0.0
        self.context: MethodContext | None = None

    def attach(self, context: MethodContext) -> None:
        self.context, self.epochs, self.ema = (
            context,
            context.config.epochs,
            context.config.probe.utilization_ema,
        )
        if self.word("signal", "probe") == "probe_val":
            self._choose_samples(context)

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def modulate(self, backward: Backward) -> Modulation:
        signal = self.word("signal", "probe")
        scales = self.scheduler.scales(self.number("alpha"), self.number("scale_max"))
        if not signal.startswith("probe"):
            self._take(batch_signal(signal, backward))
        factors = {f"boost_scale/{m}": scale for m, scale in scales.items()}
        if self.word("via", "gradient") == "lr":
            return Modulation(rates=scales, factors=factors)
        return Modulation(gains={(m, "all"): scale for m, scale in scales.items()}, factors=factors)

    def observe(self, reading: ProbeReading) -> None:
        match self.word("signal", "probe"):
            case "probe":
                self.average.count += 1
                self._update(reading.utilization)
            case "probe_val":
                self._take(self._score_probes())

    def _take(self, newest: dict[str, float]) -> None:
        self.average.take(newest, self.ema)
        self._update(self.average.values)

    def _update(self, utilization: Mapping[str, float]) -> None:
        """New scales from a utilization that started at 0."""
        if self.options.get("bias_corrected", False):
            right = correction(self.average.count, self.ema)
            utilization = {m: right * value for m, value in utilization.items()}
        gap = max(utilization.values()) - min(utilization.values())
        self.largest_gap = max(self.largest_gap, gap)
        deserved = gap_strength(
            gap, float(self.options.get("gap_scale", 0)), float(self.options.get("dead_band", 0))
        )
        self.scheduler.update(
            utilization,
            alpha=self.number("alpha"),
            scale_max=self.number("scale_max"),
            ema_alpha=self.number("ema_alpha"),
            strength=deserved * self._scheduled(gap),
        )

    def _scheduled(self, gap: float) -> float:
        """The part of alpha that the schedule leaves, in [0, 1]."""
        match self.word("schedule", "constant"):
            case "linear":
                return 1 - self.epoch / self.epochs
            case "cosine":
                return 0.5 * (1 + math.cos(math.pi * self.epoch / self.epochs))
            case "gap":
                return gap / self.largest_gap if self.largest_gap > 0 else 1.0
        return 1.0

    def _choose_samples(self, context: MethodContext) -> None:
        """The same validation samples for every reading, by the run's seed."""
        if context.probes is None:
            raise MethodError("boost.signal=probe_val needs the probes: set probe.enabled=true")
        size = len(context.data.splits["val"])
        if size == 0:
            raise MethodError("boost.signal=probe_val needs validation samples, this data has none")
        generator = torch.Generator().manual_seed(seed_for("boost/probe_val", context.config.seed))
        self.samples = torch.randperm(size, generator=generator)[: int(self.number("val_samples"))]

    def _score_probes(self) -> dict[str, float]:
        context = self.context
        if context is None or context.probes is None:
            raise MethodError("boost.signal=probe_val needs the probes: set probe.enabled=true")
        features, labels = context.features("val", self.samples)
        return {m: context.probes.score(m, features[m], labels)[0] for m in self.modalities}

    def word(self, option: str, default: str) -> str:
        return str(self.options.get(option, default))

    def probe_columns(self) -> dict[str, float]:
        return {f"boost_target/{m}": target for m, target in self.scheduler.target.items()}

    def state_dict(self) -> State:
        return {
            "scheduler": self.scheduler.state_dict(),
            "average": dict(self.average.values),
            "count": self.average.count,
            "largest_gap": self.largest_gap,
            "epoch": self.epoch,
        }

    def load_state_dict(self, state: State) -> None:
        self.scheduler.load_state_dict(state["scheduler"])
        self.average.values, self.average.count = dict(state["average"]), state["count"]
        self.largest_gap, self.epoch = state["largest_gap"], state["epoch"]
