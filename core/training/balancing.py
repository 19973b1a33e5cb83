"""Balancing: what modulates, probes and remembers around the encoders of a training loop, the trainer's or another program's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Generator, Tensor

from asgml.core.config.live_settings import LiveSettings
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset
from asgml.core.measures.gradients import gradient_norm
from asgml.core.measures.probes import Probes
from asgml.core.model.model import MultimodalModel
from asgml.core.modulators.apply import apply
from asgml.core.modulators.build import make_modulator
from asgml.core.modulators.composition import Composed
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import NEUTRAL, Modulation
from asgml.core.modulators.window import Windowed
from asgml.core.run.recorder import Recorder
from asgml.core.run.rows import probe_row, step_row
from asgml.core.seeds import seed_for
from asgml.core.types import Backward, Forward, ParameterGroup, Scalar

Norms = Mapping[str, Tensor]


@dataclass(frozen=True)
class ModulationResult:
    """What was done to the gradients of a step, and the encoders' gradient norms before and after it."""

    modulation: Modulation
    before: Norms
    after: Norms

    def row(self, forward: Forward) -> dict[str, Scalar]:
        """Its columns of the table `steps`."""
        return step_row(forward, self.before, self.after, self.modulation)


@dataclass
class Balancing:
    """The parts that balance, and what they do at each step."""

    config: RunSettings
    groups: Mapping[str, ParameterGroup]
    modulator: Composed
    probes: Probes | None
    noise: Generator
    method_generator: Generator
    live_settings: LiveSettings
    recorder: Recorder
    _windows: dict[str, bool] = field(default_factory=dict)

    def gradient_norms(self) -> Norms:
        return {m: gradient_norm(group) for m, group in self.groups.items()}

    def modulate_gradients(self, forward: Forward) -> ModulationResult:
        """Looks back at the gradients, asks the methods what should happen to them, and has it happen."""
        before = self.gradient_norms()
        modulation = self.modulator.modulate(Backward(forward, self.groups, before))
        apply(modulation, self.groups, self.noise)
        return ModulationResult(
            modulation, before, self.gradient_norms() if modulation.acts else before
        )

    def measure_only(self) -> ModulationResult:
        """Looks back at the gradients and leaves them alone."""
        norms = self.gradient_norms()
        return ModulationResult(NEUTRAL, norms, norms)

    def probe(self, forward: Forward, more: Mapping[str, Scalar] | None = None) -> None:
        """Asks the probes about the features of this step; what they say acts from the next step on. `more` is recorded with it."""
        if self.probes is None:
            return
        reading = self.probes.read(
            forward.features,
            forward.labels,
            train_steps=int(self.live_settings.values["probe.train_steps"]),
            split_batch=self.config.probe.split_batch,
            utilization_ema=self.config.probe.utilization_ema,
        )
        self.modulator.observe(reading)
        self.recorder.record(
            "probes",
            {
                **probe_row(reading, self.probes.gap),
                **self.modulator.probe_columns(),
                **(more or {}),
            },
        )

    def is_probe_step(self, step: int) -> bool:
        return (
            self.probes is not None
            and step % int(self.live_settings.values["probe.eval_freq"]) == 0
        )

    def emit_windows(self, epoch: int) -> None:
        """An event for each window of epochs that has opened or closed since it was last told."""
        for name, part in self.modulator.members.items():
            if isinstance(part, Windowed) and self._windows.get(name) != part.open:
                self._windows[name] = part.open
                message = f"{name} window {'opens' if part.open else 'is closed'} at epoch {epoch}"
                self.recorder.event("phase", message=message, part=name, open=part.open)

    def state_dict(self) -> dict[str, Any]:
        return {
            "modulator": self.modulator.state_dict(),
            "probes": self.probes.state_dict() if self.probes else {},
            "noise": self.noise.get_state(),
            "method_generator": self.method_generator.get_state(),
            "knobs": dict(self.live_settings.values),
            "active_time": self.recorder.stopwatch.seconds(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.modulator.load_state_dict(state["modulator"])
        if self.probes:
            self.probes.load_state_dict(state["probes"])
        self.noise.set_state(state["noise"].cpu())
        self.method_generator.set_state(state["method_generator"].cpu())
        self.live_settings.values.update(state["knobs"])
        self.recorder.stopwatch.start_from(float(state["active_time"]))


def make_balancing(
    config: RunSettings,
    model: MultimodalModel,
    data: Dataset,
    live_settings: LiveSettings,
    recorder: Recorder,
    device: torch.device,
) -> Balancing:
    """The parts that a configuration asks for, around this model. Raises MethodError where a method cannot work with it."""
    groups = model.parameter_groups(kernel_rule(config))
    modulator = make_modulator(config, live_settings, data.modalities)
    own = torch.Generator(device).manual_seed(seed_for("method", config.seed))
    probes = make_probes(config, model, len(data.classes), device)
    modulator.attach(MethodContext(config, model, groups, data, device, own, probes))
    noise = torch.Generator(device).manual_seed(seed_for("noise", config.seed))
    return Balancing(config, groups, modulator, probes, noise, own, live_settings, recorder)


def make_probes(
    config: RunSettings, model: MultimodalModel, classes: int, device: torch.device
) -> Probes | None:
    if not config.probe.enabled:
        return None
    widths = {m: encoder.features for m, encoder in model.encoders.items()}
    return Probes(
        widths,
        classes,
        kind=config.probe.type,
        lr=config.probe.lr,
        device=device,
        seed=seed_for("probes", config.seed),
    )


def kernel_rule(config: RunSettings) -> str:
    """Which parameters count as kernels: the `params` of the run's OGM, "auto" without one."""
    chosen = [
        str(config.section(method.name)["params"])
        for method in config.methods
        if "params" in config.section(method.name)
    ]
    return chosen[0] if chosen else "auto"
