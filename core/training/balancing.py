"""Balancing: modulator, probes and their random numbers, for the trainer and external loops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Generator, Tensor

from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset
from asgml.core.measures.gradients import EncoderNorms, encoder_norms
from asgml.core.measures.probes import Probes
from asgml.core.model.model import MultimodalModel
from asgml.core.modulators.apply import apply
from asgml.core.modulators.build import make_modulator
from asgml.core.modulators.composition import Composed
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import NEUTRAL
from asgml.core.modulators.window import Windowed
from asgml.core.run.recorded_run import RecordedRun
from asgml.core.run.rows import probe_row
from asgml.core.seeds import seed_for
from asgml.core.training.modulation_result import ModulationResult, Norms, clean_norm
from asgml.core.training.teachers import load_teachers
from asgml.core.types import Backward, Forward, ParameterGroup, Scalar
from asgml.storage.format.reference import references_of

FEWEST_PROBED = 2
"""Samples that a probe needs: one half to train on and one to score."""


@dataclass
class Balancing:
    """The modulator with its probes, and the work on each step's gradients and features."""

    config: RunSettings
    groups: Mapping[str, ParameterGroup]
    modulator: Composed
    probes: Probes | None
    noise: Generator
    method_generator: Generator
    run: RecordedRun
    _open_windows: dict[str, bool] = field(default_factory=dict)

    def gradient_norms(self) -> Norms:
        return {m: norms.total for m, norms in self._norms().items()}

    def _norms(self) -> dict[str, EncoderNorms]:
        return {m: encoder_norms(group) for m, group in self.groups.items()}

    def modulate_gradients(
        self, forward: Forward, trained: tuple[str, ...] = (), *, check_finite: bool = False
    ) -> ModulationResult:
        """Have the methods decide on the gradients, and apply their modulation.

        `trained` are the modalities of the turn.

        With `check_finite`, gradients that are not all finite are measured only; that waits for
        the device.
        """
        norms = self._norms()
        before = {m: each.total for m, each in norms.items()}
        if check_finite and not torch.stack(list(before.values())).isfinite().all():
            self.modulator.drop_step()
            return ModulationResult(NEUTRAL, before, before, before)
        modulation = self.modulator.modulate(Backward(forward, self.groups, before, trained))
        apply(modulation, self.groups, self.noise)
        # measured again only after a change: norms read every gradient once more
        after = self.gradient_norms() if modulation.acts else before
        clean = {m: clean_norm(modulation, m, norms[m], after[m]) for m in before}
        return ModulationResult(modulation, before, after, clean)

    def measure_only(self) -> ModulationResult:
        """Measure the gradients and leave them as they are; no method sees the step."""
        self.modulator.drop_step()
        norms = self.gradient_norms()
        return ModulationResult(NEUTRAL, norms, norms, norms)

    def probe(self, forward: Forward, more: Mapping[str, Scalar] | None = None) -> None:
        """Train and evaluate the probes on the features of this step; record it with `more`.

        The reading acts on gradients from the next step on. Samples with a masked modality are left
        out; where that leaves fewer than two, the probes wait for the next time.
        """
        if self.probes is None:
            return
        features, labels = complete_samples(forward)
        if len(labels) < FEWEST_PROBED:
            return
        reading = self.probes.read(
            features,
            labels,
            train_steps=self._probe_setting("train_steps"),
            split_batch=self.config.probe.split_batch,
            utilization_ema=self.config.probe.utilization_ema,
        )
        self.modulator.observe(reading)
        row = probe_row(reading, self.probes.gap)
        row |= {**self.modulator.probe_columns(), **(more or {})}
        self.run.recorder.record("probes", row)

    def is_probe_step(self, step: int) -> bool:
        return self.probes is not None and step % self._probe_setting("eval_freq") == 0

    def _probe_setting(self, name: str) -> int:
        return int(self.run.live_settings.values[f"probe.{name}"])

    def emit_windows(self, epoch: int) -> None:
        """Record an event for each window of epochs that opened or closed since the last call."""
        for name, member in self.modulator.members.items():
            if isinstance(member, Windowed) and self._open_windows.get(name) != member.open:
                self._open_windows[name] = member.open
                change = "opens" if member.open else "is closed"
                message = f"{name} window {change} at epoch {epoch}"
                self.run.recorder.event("phase", message=message, part=name, open=member.open)

    def state_dict(self) -> dict[str, Any]:
        return {
            "modulator": self.modulator.state_dict(),
            "probes": self.probes.state_dict() if self.probes else {},
            "noise": self.noise.get_state(),
            "method_generator": self.method_generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.modulator.load_state_dict(state["modulator"])
        if self.probes:
            self.probes.load_state_dict(state["probes"])
        # generators take their state from the CPU, wherever the checkpoint was loaded to
        self.noise.set_state(state["noise"].cpu())
        self.method_generator.set_state(state["method_generator"].cpu())


def complete_samples(forward: Forward) -> tuple[Mapping[str, Tensor], Tensor]:
    """Return features and labels of the samples of which no modality is masked."""
    present = forward.batch.present
    if present is None:
        return forward.features, forward.labels
    complete = torch.stack(list(present.values())).all(dim=0)
    return {m: h[complete] for m, h in forward.features.items()}, forward.labels[complete]


def make_balancing(
    config: RunSettings,
    model: MultimodalModel,
    data: Dataset,
    run: RecordedRun,
    device: torch.device,
) -> Balancing:
    """Make modulator and probes for a model. Raise MethodError for a method that cannot work."""
    groups = model.parameter_groups(kernel_rule(config))
    modulator = make_modulator(config, run.live_settings, data.modalities)
    method_generator = torch.Generator(device).manual_seed(seed_for("method", config.seed))
    probes = make_probes(config, model, len(data.classes), device)
    teachers = load_teachers(config, data, references_of(run.manifest.data), device)
    modulator.attach(
        MethodContext(config, model, groups, data, device, method_generator, probes, teachers)
    )
    noise = torch.Generator(device).manual_seed(seed_for("noise", config.seed))
    return Balancing(config, groups, modulator, probes, noise, method_generator, run)


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
    """Return the rule for kernels: the setting `params` of the run's OGM, "auto" without one."""
    sections = (config.section(method.name) for method in config.methods)
    return next((str(section["params"]) for section in sections if "params" in section), "auto")
