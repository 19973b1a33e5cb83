"""The Balancer: balancing in any PyTorch training loop, recorded and steered like the trainer's.

    with Balancer({"audio": net.audio, "visual": net.visual}, widths={"audio": 64, "visual": 64},
                  head=net.head, classes=6, method="ogm_ge+boost", run="runs/mine") as balancer:
        for epoch in range(20):
            balancer.begin_epoch(epoch)
            for inputs, labels in loader:
                optimizer.zero_grad()
                ...                                # features {m: (B, D)}, logits (B, C)
                loss = criterion(logits, labels)   # + balancer.loss(...) for methods that add terms
                loss.backward()
                balancer.step(features=features, logits=logits, labels=labels, loss=loss)
                optimizer.step()
                if balancer.stopping:
                    break

Mixed precision   scaler.unscale_(optimizer) before `step`. A step whose gradients are not finite is
                  recorded, not modulated.
Accumulation      `step` once, before optimizer.step(), with the last batch or all of them joined.
Several ranks     make one on every rank with the same seed, after the model is in DDP; batches of
                  one size: see core/training/distributed.py.
NaN               setting on_nan: stop (default) sets `stopping` and ends the run as diverged; skip
                  clears the gradients of encoders and head and sets `skipped`; go goes on.
Adam              divides constant factors out of a gradient, so with it a gain does little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from asgml.core.balancer.external_model import loop_model
from asgml.core.balancer.forward import detached, make_forward
from asgml.core.balancer.recorded_loop import RecordedLoop
from asgml.core.balancer.renamed import RefusesRenamedMethods, refuse_renamed_arguments
from asgml.core.balancer.run import RunOptions, Save
from asgml.core.balancer.setup import (
    loop_config,
    loop_data,
    loop_live_settings,
    refuse_rates,
    refuse_unsupported,
)
from asgml.core.training.modulation_result import ModulationResult
from asgml.core.types import Forward, Scalar
from asgml.storage.format.knobs import Knob, Value


class Balancer(RefusesRenamedMethods, RecordedLoop):
    """Modulation, probes, recording and commands, once in each step of the loop."""

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        *,
        classes: int | Sequence[str],
        widths: Mapping[str, int] | None = None,
        head: nn.Linear | None = None,
        method: str = "ogm_ge+boost",
        modulator: str = "",
        settings: Mapping[str, Value] | None = None,
        seed: int = 0,
        run: str | Path | None = None,
        resume: bool = False,
        epochs: int | None = None,
        steps_per_epoch: int = 0,
        knobs: Sequence[Knob] = (),
        checkpoint: Save | None = None,
        check_finite: bool = True,
        alerts: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Make one when the model is on its device. Draws nothing from torch's global generator.

        `widths` are the numbers of features {modality: D}. `head` is the nn.Linear on the features
        joined in the order of `encoders`: it is split into unimodal logits; without it they are
        given with each step. `settings` are dotted, {"boost.alpha": 0.75}. `knobs` are the loop's
        own, to be read with `value`. `checkpoint` writes the loop's checkpoint, with this
        `state_dict` in it, to a path. `check_finite=False` spares a check of the gradients that
        waits for the device. `alerts` are alert rules of this run (docs/alerts.md). Raise
        LoopError, ConfigError or FormatError, each with one line.
        """
        modalities = tuple(encoders)
        config = loop_config(method, modulator, seed, epochs, settings or {}, alerts)
        refuse_unsupported(config, modalities, head=head is not None, length=epochs is not None)
        data = loop_data(modalities, classes)
        model = loop_model(encoders, widths, head, len(data.classes))
        options = RunOptions(run, resume, steps_per_epoch, checkpoint)
        super().__init__(config, data, model, loop_live_settings(config, knobs), options)
        self._check_finite = check_finite

    @refuse_renamed_arguments
    def loss(
        self,
        *,
        features: Mapping[str, Tensor],
        logits: Tensor,
        labels: Tensor,
        task_loss: Tensor,
        unimodal_logits: Mapping[str, Tensor] | None = None,
    ) -> Scalar:
        """Return the terms that the methods add to the loss, to be back-propagated with it."""
        self._order.check_loss()
        if unimodal_logits is None:
            self.warn_of_shared_weights()
        forward = make_forward(self.model, self.classes, features, logits, labels, unimodal_logits)
        terms = self.balancing.modulator.loss(forward)
        self.balancing.modulator.before_backward(forward, task_loss)
        return terms

    @refuse_renamed_arguments
    def step(
        self,
        *,
        features: Mapping[str, Tensor],
        logits: Tensor,
        labels: Tensor,
        loss: Tensor,
        unimodal_logits: Mapping[str, Tensor] | None = None,
        lr: float = math.nan,
    ) -> None:
        """Take commands, modulate the gradients, record, and probe where it is due.

        To be called between backward and optimizer.step(). `loss` is what was back-propagated, `lr`
        is only recorded. Returns when the training is not paused.
        """
        self._order.check_step()
        self.process_pending()
        given = (features, logits, labels, unimodal_logits)
        with torch.no_grad():
            forward = detached(make_forward(self.model, self.classes, *given))
            forward = self.ranks.gather(forward)
            task_loss = functional.cross_entropy(forward.logits, forward.labels)
        task_loss, loss = task_loss.float(), loss.detach().float()
        # of several ranks all have to decide alike, so by the loss of all samples
        modulated = self._modulate(forward, task_loss if self.ranks.count > 1 else loss)
        self.run.step += 1
        samples = 0 if self.skipped else len(forward.labels)
        self.step_log.record_step(
            modulated.row(forward), loss=loss, task_loss=task_loss, lr=lr, samples=samples
        )
        self.after_step(loss)
        # a single sample cannot be split into one half to train on and one to score
        if self.balancing.is_probe_step(self.steps) and samples > 1:
            self.balancing.probe(forward)

    def _modulate(self, forward: Forward, loss: Tensor) -> ModulationResult:
        """Modulate the gradients; with `skip`, clear those of a loss that is not finite."""
        self.divergence.left_out = False
        if not self.divergence.refuses(loss):
            modulated = self.balancing.modulate_gradients(forward, check_finite=self._check_finite)
            refuse_rates(modulated.modulation)
            return modulated
        measured = self.balancing.measure_only()
        if self.divergence.skips:
            self.model.zero_grad(set_to_none=True)
        return measured

    def process_pending(self) -> None:
        """Take commands. `step` does so; for a loop with much time between two steps."""
        self.begin()
        self.run.command_handler.process_pending(self._commands)
        self.ranks.synchronize(self.run.command_handler)
