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

from asgml.core.balancer.call_order import CallOrder
from asgml.core.balancer.external_model import loop_model
from asgml.core.balancer.forward import detached, make_forward
from asgml.core.balancer.run import LoopCommands, Save, make_run
from asgml.core.balancer.setup import (
    loop_config,
    loop_data,
    loop_live_settings,
    loop_manifest,
    refuse_rates,
    refuse_unsupported,
)
from asgml.core.run.recorded_run import first_line
from asgml.core.run.step_log import StepLog
from asgml.core.training.balancing import make_balancing
from asgml.core.training.distributed import Ranks
from asgml.core.training.preflight import too_short
from asgml.core.types import Scalar
from asgml.storage.format.knobs import Knob, Value, find_knob
from asgml.storage.format.status import State
from asgml.storage.write.closing import ClosedByWith


class Balancer(ClosedByWith):
    """Modulates gradients, probes, records, and takes commands, once in each step of the loop."""

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
    ) -> None:
        """Make one when the model is on its device. Draws nothing from torch's global generator.

        `widths` are the numbers of features {modality: D}. `head` is the nn.Linear on the features
        joined in the order of `encoders`: it is split into unimodal logits; without it they are
        given with each step. `settings` are dotted, {"boost.alpha": 0.75}. `knobs` are the loop's
        own, to be read with `value`. `checkpoint` writes the loop's checkpoint, with this
        `state_dict` in it, to a path. `check_finite=False` spares a check of the gradients that
        waits for the device. Raises LoopError, ConfigError or FormatError, each with one line.
        """
        config = loop_config(method, modulator, seed, epochs, settings or {})
        modalities = tuple(encoders)
        refuse_unsupported(config, modalities, head=head is not None, length=epochs is not None)
        data = loop_data(modalities, classes)
        self.config, self.classes = config, len(data.classes)
        self.model = loop_model(encoders, widths, head, self.classes)
        self.device = next(self.model.parameters()).device
        self.ranks = Ranks(self.device)
        # only the first rank records: the modulation is the same on all
        path = Path(run).resolve() if run is not None and self.ranks.index == 0 else None
        live_settings = loop_live_settings(config, knobs)
        name = path.name if path else ""
        manifest = loop_manifest(name, config, data, live_settings, self.device, steps_per_epoch)
        self.run = make_run(path, manifest, live_settings, resume=resume)
        self.balancing = make_balancing(config, self.model, data, self.run, self.device)
        self.step_log = StepLog(self.run.recorder, self.device)
        self.best_val_accuracy = -1.0
        self._order = CallOrder(self.balancing, self.ranks.count)
        self._commands = LoopCommands(self.run, checkpoint)
        self._check_finite = check_finite
        self.run.open()  # last: where anything above is refused, no run is begun

    # -- in the loop ------------------------------------------------------------------

    def begin_epoch(self, epoch: int) -> None:
        """Open and close windows. Epochs are counted from 0.

        Does nothing for the epoch that a run is resumed in the middle of.
        """
        self.begin()
        if self._order.in_epoch and epoch == self.epoch:
            return
        self.end_epoch()
        self.run.epoch, self._order.in_epoch = epoch, True
        self.balancing.modulator.begin_epoch(epoch)
        self.balancing.emit_windows(epoch)

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
        forward = make_forward(self.model, self.classes, features, logits, labels, unimodal_logits)
        terms = self.balancing.modulator.loss(forward)
        self.balancing.modulator.before_backward(forward, task_loss)
        return terms

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
        modulated = self.balancing.modulate_gradients(forward, check_finite=self._check_finite)
        refuse_rates(modulated.modulation)
        self.run.step += 1
        self.step_log.record_step(
            modulated.row(forward),
            loss=loss.detach().float(),
            task_loss=task_loss.float(),
            lr=lr,
            samples=len(forward.labels),
        )
        # a single sample cannot be split into one half to train on and one to score
        if self.balancing.is_probe_step(self.steps) and len(forward.labels) > 1:
            self.balancing.probe(forward)

    def process_pending(self) -> None:
        """Take commands. `step` does so; for a loop with much time between two steps."""
        self.begin()
        self.run.command_handler.process_pending(self._commands)
        self.ranks.synchronize(self.run.command_handler)

    def end_epoch(self, **values: float) -> None:
        """Record the epoch, with values such as `val_accuracy`, `val_loss` or `test_accuracy`."""
        if self._order.in_epoch and self.step_log.sums[2] > 0:
            if "val_accuracy" in values:
                self.best_val_accuracy = max(self.best_val_accuracy, values["val_accuracy"])
                values["best_val_accuracy"] = self.best_val_accuracy
            self.run.recorder.record("epochs", {**self.step_log.close_epoch(), **values})
        self._order.in_epoch = False

    @property
    def stopping(self) -> bool:
        """True once a command has asked for the end."""
        return self.run.command_handler.stopping

    @property
    def steps(self) -> int:
        """Steps done."""
        return self.run.step

    @property
    def epoch(self) -> int:
        """The epoch that was begun last."""
        return self.run.epoch

    def value(self, name: str) -> Value:
        """Return the present value of a knob."""
        live_settings = self.run.live_settings
        return live_settings.values[find_knob(name, live_settings.knobs).name]

    # -- beginning and end ------------------------------------------------------------

    def begin(self) -> None:
        """Record the beginning of the training; the first call of any other method does so too."""
        self._order.check_open()
        if not self.run.begun:
            self.run.begin()
            self._emit_warnings()
            self.step_log.begin()

    def _emit_warnings(self) -> None:
        """Record which methods a training of this length ends before, where it is known."""
        if self.run.step > 0:  # a resumed run has them already
            return
        manifest = self.run.manifest
        for message in too_short(self.config, manifest.total_epochs, manifest.total_steps):
            self.run.recorder.event("alert", level="warning", message=message)

    def close(self) -> None:
        """End the training as finished, or as stopped after a command. Called by `with`."""
        if self.run.closed:
            return
        self.begin()
        if self.stopping:
            self._commands.save_at_stop()
        else:
            self.end_epoch()
        self.run.close(State.STOPPED if self.stopping else State.FINISHED)

    def _close_after(self, error: BaseException, end: State) -> None:
        """Close the run with the error of a `with` block."""
        self.run.close(end, first_line(error))

    # -- state ------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return what the loop's checkpoint needs of the balancing: plain values and tensors."""
        return {
            "method": self.config.method,
            "step": self.steps,
            "epoch": self.epoch,
            "in_epoch": self._order.in_epoch,
            "best_val_accuracy": self.best_val_accuracy,
            "epoch_sums": self.step_log.sums.clone(),
            **self.balancing.state_dict(),
            **self.run.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a `state_dict`; to be called before the first step."""
        self._order.check_load(state)
        self.balancing.load_state_dict(state)
        # a state that 0.1.0 saved before its first epoch has the epoch -1
        self.run.load_state_dict(state, step=state["step"], epoch=max(state["epoch"], 0))
        self.step_log.sums = state["epoch_sums"].to(self.device)
        self._order.in_epoch = state["in_epoch"]
        self.best_val_accuracy = state["best_val_accuracy"]
