"""Boost: multiply the weak modality's gradient by its boost scale, which probes set (ASGML v2).

Formula: BOOST in core/methods/boost.py. boost_scheduler.py computes the scale. Options of ASGML
v2.1, each off unless set:

    gap_scale, dead_band   let the size of the gap count (see boost_scheduler.py)
    signal                 probe | probe_val (probes scored on validation samples) | see signals.py
    bias_corrected         utilization that is not understated early: gaps have their true size
    schedule               alpha constant | linear or cosine from alpha to 0 | in proportion to gap
    via                    gradient | lr: scale the learning rate, which Adam does not cancel
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
    """Gains from the probes: 1 for the strongest modality, up to 1 + alpha for the weakest."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.scheduler = BoostScheduler(self.modalities)
        self.average = Average()
        self.ema = 0.1  # replaced by probe.utilization_ema, of which this is the default
        self.epochs, self.epoch = 1, 0
        self.largest_gap = 0.0
        self.context: MethodContext | None = None

    def attach(self, context: MethodContext) -> None:
        self.context, self.epochs = context, context.config.epochs
        self.ema = context.config.probe.utilization_ema
        if self.text("signal", "probe") == "probe_val":
            self._choose_samples(context)

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def modulate(self, backward: Backward) -> Modulation:
        signal = self.text("signal", "probe")
        # Before the update: what a step measures acts from the next one on.
        scales = self.scheduler.scales(self.number("alpha"), self.number("scale_max"))
        if not signal.startswith("probe"):
            self._take(batch_signal(signal, backward))
        factors = {f"boost_scale/{m}": scale for m, scale in scales.items()}
        if self.text("via", "gradient") == "lr":
            return Modulation(rates=scales, factors=factors)
        return Modulation(gains={(m, "all"): scale for m, scale in scales.items()}, factors=factors)

    def observe(self, reading: ProbeReading) -> None:
        match self.text("signal", "probe"):
            case "probe":
                # The probes smooth by themselves; the count is for the bias correction.
                self.average.count += 1
                self._update(reading.utilization)
            case "probe_val":
                self._take(self._score_probes())

    def _take(self, newest: dict[str, float]) -> None:
        self.average.take(newest, self.ema)
        self._update(self.average.values)

    def _update(self, utilization: Mapping[str, float]) -> None:
        """Compute new scales from a utilization that started at 0."""
        if self.options.get("bias_corrected", False):
            factor = correction(self.average.count, self.ema)
            utilization = {m: factor * value for m, value in utilization.items()}
        gap = max(utilization.values()) - min(utilization.values())
        self.largest_gap = max(self.largest_gap, gap)
        gap_scale = float(self.options.get("gap_scale", 0))
        dead_band = float(self.options.get("dead_band", 0))
        self.scheduler.update(
            utilization,
            alpha=self.number("alpha"),
            scale_max=self.number("scale_max"),
            ema_alpha=self.number("ema_alpha"),
            strength=gap_strength(gap, gap_scale, dead_band) * self._schedule_factor(gap),
        )

    def _schedule_factor(self, gap: float) -> float:
        """Return the share of alpha that the schedule leaves, in [0, 1]."""
        match self.text("schedule", "constant"):
            case "linear":
                return 1 - self.epoch / self.epochs
            case "cosine":
                return 0.5 * (1 + math.cos(math.pi * self.epoch / self.epochs))
            case "gap":
                return gap / self.largest_gap if self.largest_gap > 0 else 1.0
        return 1.0

    def _choose_samples(self, context: MethodContext) -> None:
        """Draw the validation samples of all readings, by the run's seed."""
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
