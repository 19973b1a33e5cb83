"""The trainer: the loop that joins model, modulator, probes, recorder and commands.

A step reads like the paper (`step`); what happens once in a while stands in `train`; the rest keeps the books.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from core import checkpoint
from core.evaluate import Evaluation, evaluate
from core.modulators.apply import apply, gradient_norm
from core.modulators.base import Windowed
from core.parts import Parts, cancelled_by_adam, lr_at
from core.randomness import global_state, restore_global_state
from core.rows import probe_row, step_row, test_row, validation_row
from core.types import Backward, Batch, Forward, Scalar
from storage.status import State


@dataclass
class Progress:
    """How far the training is, and its best so far. `step` counts optimizer steps done, `epoch` is the present one."""

    step: int = 0
    epoch: int = 0
    best_val_accuracy: float = -1.0
    best_step: int = -1
    best_on_test_accuracy: float = -1.0


class Trainer:
    """Trains to the end, or until told to stop. The parts are made by core/parts.py."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.config = parts.config
        self.progress = Progress()
        self._epoch_sums = torch.zeros(3, device=parts.device)  # loss, correct, samples
        self._step_ended = time.monotonic()
        self._windows: dict[str, bool] = {}

    # -- once in a while ------------------------------------------------------------------------------------------------

    def train(self) -> State:
        """The whole training. Returns how it ended: FINISHED or STOPPED."""
        desk, values = self.parts.desk, self.parts.board.values
        self._step_ended = time.monotonic()
        self.parts.recorder.stopwatch.go_on()
        self.parts.recorder.say(State.RUNNING)
        self.warn()
        while self.progress.epoch < self.config.epochs:
            self.begin_epoch()
            for batch in self.parts.batches.rest_of_epoch():
                desk.attend(self)
                if desk.stopping:
                    return self.leave()
                forward = self.step(batch)
                if self.parts.probes and self.progress.step % int(values["probe.eval_freq"]) == 0:
                    self.probe(forward)
            self.end_epoch()
        return State.FINISHED

    def warn(self) -> None:
        """Tells, once at the start of a run, what in its configuration cannot have the effect that is asked for."""
        optimizer = self.config.optimizer.name
        for name in cancelled_by_adam(self.config) if self.progress.step == 0 else ():
            message = f"{name} multiplies gradients; {optimizer} divides constant factors out again: use sgd, or via=lr where it has that"
            self.parts.recorder.event("alert", level="warning", message=message)

    # -- the step -------------------------------------------------------------------------------------------------------

    def step(self, batch: Batch) -> Forward:
        """Forward, loss, backward, modulation, update, record."""
        parts = self.parts
        forward = parts.model.join(batch, *parts.modulator.feed(parts.model.encode(batch.inputs), batch.labels))
        task_loss = functional.cross_entropy(forward.logits, forward.labels)
        loss = task_loss + parts.modulator.loss(forward)
        parts.modulator.before_backward(forward, task_loss)
        parts.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        backward = Backward(forward, parts.groups, self.gradient_norms())
        modulation = parts.modulator.modulate(backward)
        apply(modulation, parts.groups, parts.noise)
        norms_after = self.gradient_norms() if modulation.acts else backward.norms
        self.set_lr(modulation.rates)
        parts.optimizer.step()
        self.record_step(step_row(forward, backward.norms, norms_after, modulation), loss.detach(), task_loss.detach(), len(forward.labels))
        return forward

    def gradient_norms(self) -> Mapping[str, Tensor]:
        return {m: gradient_norm(group) for m, group in self.parts.groups.items()}

    def set_lr(self, rates: Mapping[str, Scalar]) -> None:
        """The stepped learning rate, times its own factor for an encoder that `rates` names."""
        settings = self.config.optimizer
        self.lr = lr_at(self.progress.epoch, float(self.parts.board.values["lr"]), settings.decay_every, settings.decay)
        for group in self.parts.optimizer.param_groups:
            group["lr"] = self.lr * float(rates.get(group["modality"], 1.0))

    def probe(self, forward: Forward) -> None:
        """Asks the probes about the features of this step; what they say acts from the next step on."""
        probes, values = self.parts.probes, self.parts.board.values
        if probes is None:
            return
        reading = probes.read(
            forward.features,
            forward.labels,
            train_steps=int(values["probe.train_steps"]),
            split_batch=self.config.probe.split_batch,
            utilization_ema=self.config.probe.utilization_ema,
        )
        self.parts.modulator.observe(reading)
        self.parts.recorder.record("probes", {**probe_row(reading, probes.gap), **self.parts.modulator.probe_columns()})

    # -- the books ------------------------------------------------------------------------------------------------------

    def begin_epoch(self) -> None:
        """Draws the order of the batches, opens and closes windows. An epoch that a resumed run is in goes on as it began."""
        self.parts.recorder.epoch = self.progress.epoch
        if self.parts.batches.begin_epoch():
            self.parts.modulator.begin_epoch(self.progress.epoch)
        for name, part in self.parts.modulator.parts.items():
            if isinstance(part, Windowed) and self._windows.get(name) != part.open:
                self._windows[name] = part.open
                message = f"{name} window {'opens' if part.open else 'is closed'} at epoch {self.progress.epoch}"
                self.parts.recorder.event("phase", message=message, part=name, open=part.open)

    def record_step(self, row: dict[str, Scalar], loss: Tensor, task_loss: Tensor, samples: int) -> None:
        """Counts the step and records it."""
        recorder = self.parts.recorder
        self.progress.step += 1
        recorder.step = self.progress.step
        now = time.monotonic()
        more: dict[str, Scalar] = {
            "epoch": self.progress.epoch,
            "loss": loss,
            "task_loss": task_loss,
            "lr": self.lr,
            "step_time": now - self._step_ended,
        }
        self._step_ended = now
        recorder.record("steps", {**row, **more})
        counted = torch.stack([loss, torch.as_tensor(row["accuracy"]), torch.ones_like(loss)])
        self._epoch_sums += samples * counted
        recorder.tell_alerts()
        if system := self.parts.system.sample(samples):
            recorder.record("system", {**system, "store_bytes": recorder.published_bytes()})

    def end_epoch(self) -> None:
        """Evaluates, keeps the best model by validation accuracy, records the epoch, saves a checkpoint."""
        progress, every = self.progress, self.config.eval.every
        last = progress.epoch + 1 == self.config.epochs
        loss, right, samples = self._epoch_sums.tolist()
        row: dict[str, Scalar] = {"train_loss": loss / samples, "train_accuracy": right / samples}
        self._epoch_sums.zero_()
        if last or (progress.epoch + 1) % every == 0:
            row |= self.evaluate_epoch()
        if last and self.config.eval.test != "never":
            row |= self.test_at_end()
        self.parts.recorder.record("epochs", row)
        progress.epoch += 1
        if last or progress.epoch % self.config.checkpoint.every == 0:
            self.save_checkpoint("end of training" if last else "epoch")

    def evaluate_epoch(self) -> dict[str, Scalar]:
        """Validation, and the test split where the configuration asks for it in every epoch."""
        val = self.evaluate("val")
        self.parts.modulator.end_epoch(self.progress.epoch, val)
        if val.accuracy > self.progress.best_val_accuracy:
            self.progress.best_val_accuracy, self.progress.best_step = val.accuracy, self.progress.step
            best = {"model": self.parts.model.state_dict(), "classes": list(self.parts.data.classes), "step": self.progress.step}
            checkpoint.save(best, checkpoint.best_path(self.parts.paths.checkpoints, self.progress.step))
        row = {**validation_row(val), "best_val_accuracy": self.progress.best_val_accuracy}
        if self.config.eval.test != "epoch":
            return row
        test = self.evaluate("test")
        self.progress.best_on_test_accuracy = max(self.progress.best_on_test_accuracy, test.accuracy)
        return {**row, **test_row(test), "best_on_test_accuracy": self.progress.best_on_test_accuracy}

    def test_at_end(self) -> dict[str, Scalar]:
        """Tests the last model and that of the best validation accuracy; the last one stays."""
        last = self.evaluate("test")
        present = {name: value.clone() for name, value in self.parts.model.state_dict().items()}
        best = checkpoint.load(checkpoint.best_path(self.parts.paths.checkpoints, self.progress.best_step), self.parts.device)
        self.parts.model.load_state_dict(best["model"])
        chosen = self.evaluate("test", probes=False)
        self.parts.model.load_state_dict(present)
        self.progress.best_on_test_accuracy = max(self.progress.best_on_test_accuracy, last.accuracy, chosen.accuracy)
        told = {"accuracy": chosen.accuracy, "loss": chosen.loss, "own_accuracy": dict(chosen.own_accuracy)}
        self.parts.recorder.event("evaluation", split="test", **told, model=f"best validation accuracy, step {self.progress.best_step}")
        tested = {"test_accuracy_at_best_val": chosen.accuracy, "best_on_test_accuracy": self.progress.best_on_test_accuracy}
        return {**test_row(last), **tested}

    def evaluate(self, split: str, *, probes: bool = True) -> Evaluation:
        asked = self.parts.probes if probes else None
        return evaluate(self.parts.model, asked, self.parts.data.splits[split], self.config.eval.batch_size, self.parts.device)

    def evaluate_now(self, split: str) -> dict[str, Any]:
        """Evaluates because a person asked for it; the training goes on as if nothing had been."""
        found = self.evaluate(split)
        fields = {"split": split, "accuracy": found.accuracy, "loss": found.loss, "own_accuracy": dict(found.own_accuracy)}
        self.parts.recorder.event("evaluation", **fields)
        return fields

    def leave(self) -> State:
        """Ends before the end, with a checkpoint unless told otherwise."""
        self.parts.recorder.say(State.STOPPING)
        if self.parts.desk.save_on_stop:
            self.save_checkpoint("stop")
        return State.STOPPED

    # -- state ----------------------------------------------------------------------------------------------------------

    def save_checkpoint(self, why: str) -> None:
        """Saves everything that the training needs to go on bit for bit. The rows before it are published first."""
        began = time.monotonic()
        self.parts.recorder.writer.flush()
        folder = self.parts.paths.checkpoints
        path = checkpoint.path_at(folder, self.progress.step)
        size = checkpoint.save(self.state_dict(), path)
        checkpoint.prune(folder, self.config.checkpoint.keep, self.progress.best_step)
        fields = {"path": f"{folder.name}/{path.name}", "bytes": size, "seconds": round(time.monotonic() - began, 3), "why": why}
        self.parts.recorder.event("checkpoint", **fields)

    def state_dict(self) -> dict[str, Any]:
        parts = self.parts
        return {
            "progress": asdict(self.progress),
            "model": parts.model.state_dict(),
            "optimizer": parts.optimizer.state_dict(),
            "modulator": parts.modulator.state_dict(),
            "probes": parts.probes.state_dict() if parts.probes else {},
            "batches": parts.batches.state_dict(),
            "noise": parts.noise.get_state(),
            "method_generator": parts.method_generator.get_state(),
            "random": global_state(parts.device),
            "knobs": dict(parts.board.values),
            "active_time": parts.recorder.stopwatch.seconds(),
            "epoch_sums": self._epoch_sums,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        parts = self.parts
        self.progress = Progress(**state["progress"])
        parts.model.load_state_dict(state["model"])
        parts.optimizer.load_state_dict(state["optimizer"])
        parts.modulator.load_state_dict(state["modulator"])
        if parts.probes:
            parts.probes.load_state_dict(state["probes"])
        parts.batches.load_state_dict(state["batches"])
        parts.noise.set_state(state["noise"].cpu())
        parts.method_generator.set_state(state["method_generator"].cpu())
        restore_global_state(state["random"], parts.device)
        parts.board.values.update(state["knobs"])
        parts.recorder.stopwatch.start_from(float(state["active_time"]))
        parts.recorder.step, parts.recorder.epoch = self.progress.step, self.progress.epoch
        self._epoch_sums = state["epoch_sums"].to(parts.device)
