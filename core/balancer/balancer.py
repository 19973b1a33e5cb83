"""Balancing in a loop of one's own: a few lines in any PyTorch training, recorded and steered like one of the program's own.

    with Balancer({"audio": net.audio, "visual": net.visual}, widths={"audio": 64, "visual": 64}, head=net.head, classes=6,
                  method="ogm_ge+boost", run="runs/mine") as balancer:
        for epoch in range(20):
            balancer.begin_epoch(epoch)
            for inputs, labels in loader:
                optimizer.zero_grad()
                ...                                       # features {m: (B, D)}, logits (B, C)
                loss = criterion(logits, labels)          # + balancer.loss(...) for methods that add terms
                loss.backward()
                balancer.step(features=features, logits=logits, labels=labels, loss=loss)
                optimizer.step()
                if balancer.stopping:
                    break

Mixed precision   scaler.unscale_(optimizer) before `step`. A step whose gradients are not finite is recorded, not modulated.
Accumulation      `step` once, before optimizer.step(), with the last batch or all of them joined.
Several ranks     make one on every rank with the same seed, after the model is in DDP; batches of one size: see core/training/distributed.py.
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

from asgml.core.balancer.forward import detached, make_forward
from asgml.core.balancer.run import LoopRun, Save
from asgml.core.balancer.setup import (
    LoopError,
    loop_config,
    loop_data,
    loop_live_settings,
    loop_manifest,
    loop_model,
    refuse_what_cannot_be,
)
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.window import Windowed
from asgml.core.run.commands import RefusedError
from asgml.core.run.lifecycle import one_line
from asgml.core.run.step_log import StepLog
from asgml.core.run.system_monitor import SystemMonitor
from asgml.core.training.balancing import ModulationResult, make_balancing
from asgml.core.training.distributed import Ranks
from asgml.core.types import Forward, Scalar
from asgml.storage.format.knobs import Knob, Value, find_knob
from asgml.storage.format.status import State
from asgml.storage.write.closing import ClosedByWith


class Balancer(ClosedByWith):
    """Modulates the encoders' gradients, probes, records, and takes commands, once in each step of the loop."""

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
        """To be made once the model is on its device. Draws nothing from torch's own random numbers.

        `widths` are the numbers of features {modality: D}. `head` is the nn.Linear on the features joined in the order of
        `encoders`: it is split into each modality's own logits; without it they are given with each step. `settings` are
        dotted, {"boost.alpha": 0.75}. `knobs` are the loop's own, to be read with `value`. `checkpoint` writes the loop's
        checkpoint, with this `state_dict` in it, to a path. `check_finite=False` spares a look at the gradients that waits
        for the device. Raises an error of one line for what cannot be.
        """
        config = loop_config(method, modulator, seed, epochs, settings or {})
        refuse_what_cannot_be(
            config, tuple(encoders), head=head is not None, length=epochs is not None
        )
        data = loop_data(tuple(encoders), classes)
        self.config, self.classes = config, len(data.classes)
        self.model = loop_model(encoders, widths, head, self.classes)
        self.device = _device_of(self.model)
        self.ranks = Ranks(self.device)
        path = Path(run) if run is not None and self.ranks.index == 0 else None
        live_settings = loop_live_settings(config, knobs)
        manifest = loop_manifest(
            path.resolve().name if path else "",
            config,
            data,
            live_settings,
            self.device,
            steps_per_epoch,
        )
        self.run = LoopRun(path, manifest, live_settings, resume=resume)
        self.balancing = make_balancing(
            config, self.model, data, live_settings, self.run.recorder, self.device
        )
        self.step_log = StepLog(self.run.recorder, SystemMonitor(self.device))
        self.epoch, self.best_val_accuracy = -1, -1.0
        self._save, self._check_finite = checkpoint, check_finite
        self._in_epoch = self._closed = False
        self._adding, self._looking = (
            _overriding(self.balancing.modulator.members, hook)
            for hook in ("loss", "before_backward")
        )
        if config.loss.gamma == 0:
            self._adding.remove("loss")
        self._losses = 0  # calls of `loss` since the last step
        if self._looking and self.ranks.count > 1:
            raise LoopError(
                f"{self._looking[0]} takes gradients before they are averaged over the ranks: it needs a single process"
            )
        self.run.open()

    # -- in the loop ------------------------------------------------------------------

    def begin_epoch(self, epoch: int) -> None:
        """Opens and closes windows. Epochs are counted from 0; an epoch that a resumed run is in goes on as it began."""
        self.begin()
        if self._in_epoch and epoch == self.epoch:
            return
        self.end_epoch()
        self.epoch, self._in_epoch = epoch, True
        self.run.recorder.epoch = epoch
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
        """The terms that the methods add to the loop's own loss, to be back-propagated with it; 0 where they add none."""
        self._losses += 1
        if self._looking and self._losses > 1:
            raise LoopError(
                f"{self._looking[0]} looks at the graph of one batch a step: gradients cannot be accumulated with it"
            )
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
        """Between backward and optimizer.step(): takes commands, modulates the gradients, records, probes when it is time.

        `loss` is what was back-propagated, `lr` only recorded. While a person has paused the training, it waits here.
        """
        self._check_place()
        self.process_pending()
        with torch.no_grad():
            forward = self.ranks.whole(
                detached(
                    make_forward(
                        self.model, self.classes, features, logits, labels, unimodal_logits
                    )
                )
            )
        balanced = self._act(forward)
        if balanced.modulation.rates:
            raise LoopError(
                "a method sets the learning rate of each modality, but the optimizer is the loop's; use `asgml train`"
            )
        self._record(forward, balanced, loss.detach(), lr)
        if self.balancing.is_probe_step(self.steps) and len(forward.labels) > 1:
            self.balancing.probe(forward)

    def process_pending(self) -> None:
        """Takes commands. `step` does so; a loop may too, where it is long between two steps."""
        self.begin()
        self.run.command_handler.process_pending(self)
        self.ranks.agree(self.run.command_handler)

    def end_epoch(self, **values: float) -> None:
        """Records the epoch, with what the loop has found, such as `val_accuracy`, `val_loss` or `test_accuracy`."""
        if self._in_epoch and self.step_log.sums[2] > 0:
            if "val_accuracy" in values:
                self.best_val_accuracy = max(self.best_val_accuracy, values["val_accuracy"])
                values["best_val_accuracy"] = self.best_val_accuracy
            self.run.recorder.record("epochs", {**self.step_log.close_epoch(), **values})
        self._in_epoch = False

    @property
    def stopping(self) -> bool:
        """True once a person has asked for the end."""
        return self.run.command_handler.stopping

    @property
    def steps(self) -> int:
        """Steps done."""
        return self.run.recorder.step

    def value(self, name: str) -> Value:
        """The present value of a knob."""
        live_settings = self.run.command_handler.live_settings
        return live_settings.values[find_knob(name, live_settings.knobs).name]

    # -- beginning and end ------------------------------------------------------------

    def begin(self) -> None:
        """Tells that the training begins; the first call of any other method does."""
        if self._closed:
            raise LoopError(
                "the balancer is closed; make a new one, with resume=True to go on with its run"
            )
        if not self.run.begun:
            self.run.begin()
            self.step_log.begin()

    def close(self) -> None:
        """The end of the training: finished, or stopped where a person asked for it. Called by `with`."""
        if self._closed:
            return
        self.begin()
        if self.stopping:
            self.run.save_at_stop(self._save)
        else:
            self.end_epoch()
        self._end(State.STOPPED if self.stopping else State.FINISHED)

    def _close_after(self, error: BaseException, end: State) -> None:
        """Close the run with the error of a `with` block."""
        self._end(end, one_line(error))

    def _end(self, end: State, error: str = "") -> None:
        if not self._closed:
            self._closed = True
            self.run.close(end, error)

    # -- state ------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """What the loop's checkpoint has to hold for the balancing to go on as if it had never stopped. Plain values and tensors."""
        return {
            "method": self.config.method,
            "step": self.steps,
            "epoch": self.epoch,
            "in_epoch": self._in_epoch,
            "best_val_accuracy": self.best_val_accuracy,
            "epoch_sums": self.step_log.sums.clone(),
            **self.balancing.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """To be called before the first step."""
        if self.run.begun:
            raise LoopError(
                "load_state_dict comes too late: call it before begin_epoch, or the run is told a wrong step"
            )
        if state["method"] != self.config.method:
            raise LoopError(
                f"this state is of method {state['method']}, the balancer is of {self.config.method}"
            )
        self.balancing.load_state_dict(state)
        self.step_log.sums = state["epoch_sums"].to(self.device)
        self.epoch, self._in_epoch, self.best_val_accuracy = (
            state["epoch"],
            state["in_epoch"],
            state["best_val_accuracy"],
        )
        self.run.recorder.step, self.run.recorder.epoch = state["step"], max(self.epoch, 0)

    def save_checkpoint(self, why: str) -> None:
        """For the command command_handler."""
        self.run.save(self._save, why)

    def evaluate_now(self, split: str) -> dict[str, Any]:
        """For the command command_handler."""
        raise RefusedError(
            f"evaluate {split}: the data is the training loop's own, which alone can evaluate"
        )

    # -- the step ---------------------------------------------------------------------

    def _check_place(self) -> None:
        """Whether `step` was called where it acts."""
        if not self._in_epoch:
            raise LoopError(
                "step without an epoch: call begin_epoch(epoch) before the first step of each"
            )
        if self._adding and not self._losses:
            raise LoopError(
                f"{self._adding[0]} adds terms to the loss: back-propagate loss + balancer.loss(...)"
            )
        if not any(group.gradients("all") for group in self.balancing.groups.values()):
            raise LoopError(
                "no encoder has a gradient: call step between loss.backward() and optimizer.step()"
            )
        self._losses = 0

    def _act(self, forward: Forward) -> ModulationResult:
        if self._check_finite:
            found = self.balancing.measure_only()
            if not torch.stack(list(found.before.values())).isfinite().all():
                return found
        return self.balancing.modulate_gradients(forward)

    def _record(
        self, forward: Forward, balanced: ModulationResult, loss: Tensor, lr: float
    ) -> None:
        self.run.recorder.step += 1
        task_loss = functional.cross_entropy(forward.logits, forward.labels).float()
        row, samples = balanced.row(forward), len(forward.labels)
        self.step_log.record_step(
            row, epoch=self.epoch, loss=loss.float(), task_loss=task_loss, lr=lr, samples=samples
        )


def _overriding(parts: Mapping[str, Modulator], hook: str) -> list[str]:
    """The methods that have a hook of their own."""
    inner = {
        name: part.inner if isinstance(part, Windowed) else part for name, part in parts.items()
    }
    return [
        name
        for name, part in inner.items()
        if getattr(type(part), hook) is not getattr(Modulator, hook)
    ]


def _device_of(model: nn.Module) -> torch.device:
    return next(model.parameters()).device
