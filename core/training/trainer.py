"""The trainer: the loop that joins model, modulator, probes, recorder and commands.

A step reads like the paper (`step`); what happens once in a while stands in `train`; the rest keeps the books.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from asgml.core.measures.evaluate import evaluate
from asgml.core.measures.task import loss_of, make_task
from asgml.core.model.optimizer import lr_at
from asgml.core.run import checkpoint
from asgml.core.run.lifecycle import emit_checkpoint
from asgml.core.run.rows import chosen_row, test_row, validation_row
from asgml.core.run.step_log import StepLog
from asgml.core.seeds import global_state, restore_global_state
from asgml.core.training.balancing import ModulationResult
from asgml.core.training.components import Components
from asgml.core.training.modality_contribution import make_contribution
from asgml.core.training.precision import in_float32
from asgml.core.training.preflight import (
    configuration_warnings,
    data_warnings,
    skipped_measurements,
)
from asgml.core.training.update import Pass, merge_micro_batches
from asgml.core.types import Batch, Evaluation, Forward, Scalar
from asgml.storage.format.status import State


@dataclass
class Progress:
    """How far the training is, and its best so far. `step` counts optimizer steps done, `epoch` is the present one."""

    step: int = 0
    epoch: int = 0
    best_val_accuracy: float = -1.0
    best_step: int = -1
    best_on_test_accuracy: float = -1.0
    best_score: float = (
        -math.inf
    )  # what the model is chosen by: the accuracy, or in a regression minus the error


class Trainer:
    """Trains to the end, or until told to stop. The components are made by core/training/components.py."""

    def __init__(self, components: Components) -> None:
        self.components = components
        self.config = components.config
        self.task = make_task(components.data)
        self.progress = Progress()
        self.step_log = StepLog(components.recorder, components.system)

    # -- once in a while --------------------------------------------------------------

    def train(self) -> State:
        """The whole training. Returns how it ended: FINISHED or STOPPED."""
        command_handler, balancing = self.components.command_handler, self.components.balancing
        self.step_log.begin()
        self.components.recorder.stopwatch.go_on()
        self.components.recorder.set_state(State.RUNNING)
        self.warn()
        while self.progress.epoch < self.config.epochs:
            self.begin_epoch()
            for batch in self.components.batches.rest_of_epoch():
                command_handler.process_pending(self)
                if command_handler.stopping:
                    return self.leave()
                forward = self.step(batch)
                if balancing.is_probe_step(self.progress.step):
                    self.probe(forward)
            self.end_epoch()
        return State.FINISHED

    def warn(self) -> None:
        """Tells, once at the start of a run, what in its configuration cannot have the effect that is asked for."""
        if self.progress.step > 0:
            return
        for message in [
            *configuration_warnings(self.config, self.components.model),
            *data_warnings(self.components.data),
        ]:
            self.components.recorder.event("alert", level="warning", message=message)
        for message in skipped_measurements(self.config, self.components.model):
            self.components.recorder.event("phase", message=message)

    # -- the step ---------------------------------------------------------------------

    def step(self, batch: Batch) -> Forward:
        """Forward, loss, backward (of each micro-batch), modulation, update, record."""
        balancing, update, diagnosis = (
            self.components.balancing,
            self.components.update,
            self.components.diagnosis,
        )
        passes = [self.forward_and_back(part, share) for part, share in update.begin(batch)]
        forward, loss, task_loss = merge_micro_batches(batch, passes)
        balanced = (
            balancing.modulate_gradients(forward)
            if update.grads_finite()
            else balancing.measure_only()
        )  # gradients by encoder → modulation → apply
        self.set_lr(balanced.modulation.rates)
        with diagnosis.update_measured(balancing.is_probe_step(self.progress.step + 1)):
            updated = update.finish()
        self.record_step(forward, balanced, loss, task_loss, updated)
        return forward

    def forward_and_back(self, batch: Batch, share: float) -> Pass:
        """Forward, loss, backward of one micro-batch, which is this share of the samples of its step."""
        components, scale_loss = self.components, partial(self.components.update.scale_loss, share)
        with components.update.precision.autocast():
            forward = components.model.join(
                batch,
                *components.modulator.before_fusion(
                    components.model.encode(batch.inputs), batch.labels
                ),
            )
        forward = in_float32(forward)
        task_loss = loss_of(forward, forward.logits)
        loss = task_loss + components.modulator.loss(forward)
        components.modulator.before_backward(forward, task_loss)
        components.diagnosis.before_backward(self.progress.step + 1, forward, task_loss, scale_loss)
        torch.autograd.backward(scale_loss(loss))
        return Pass(forward, share * loss.detach(), share * task_loss.detach())

    def set_lr(self, rates: Mapping[str, Scalar]) -> None:
        """The stepped learning rate, times its own factor for an encoder that `rates` names."""
        settings = self.config.optimizer
        self.lr = lr_at(
            self.progress.epoch,
            float(self.components.live_settings.values["lr"]),
            settings.decay_every,
            settings.decay,
        )
        for group in self.components.optimizer.param_groups:
            group["lr"] = self.lr * float(rates.get(group["modality"], 1.0))

    def probe(self, forward: Forward) -> None:
        self.components.balancing.probe(forward, self.components.diagnosis.probe_columns())

    # -- the books --------------------------------------------------------------------

    def begin_epoch(self) -> None:
        """Draws the order of the batches, opens and closes windows. An epoch that a resumed run is in goes on as it began."""
        self.components.recorder.epoch = self.progress.epoch
        if self.components.batches.begin_epoch():
            self.components.modulator.begin_epoch(self.progress.epoch)
        self.components.balancing.emit_windows(self.progress.epoch)

    def record_step(
        self,
        forward: Forward,
        balanced: ModulationResult,
        loss: Tensor,
        task_loss: Tensor,
        updated: Mapping[str, Scalar],
    ) -> None:
        """Counts the step and records it."""
        self.progress.step += 1
        self.components.recorder.step = self.progress.step
        row, samples = balanced.row(forward), len(forward.labels)
        row = {**self.components.diagnosis.step_columns(row), **row, **updated}
        self.step_log.record_step(
            row,
            epoch=self.progress.epoch,
            loss=loss,
            task_loss=task_loss,
            lr=self.lr,
            samples=samples,
        )

    def end_epoch(self) -> None:
        """Evaluates, keeps the best model by validation (see Task.score), records the epoch, saves a checkpoint."""
        progress, every = self.progress, self.config.eval.every
        last = progress.epoch + 1 == self.config.epochs
        row = self.step_log.close_epoch()
        if last or (progress.epoch + 1) % every == 0:
            row |= self.evaluate_epoch()
        if last and self.config.eval.test != "never":
            row |= self.test_at_end()
        self.components.recorder.record("epochs", row)
        progress.epoch += 1
        if last or progress.epoch % self.config.checkpoint.every == 0:
            self.save_checkpoint("end of training" if last else "epoch")

    def evaluate_epoch(self) -> dict[str, Scalar]:
        """Validation, and the test split where the configuration asks for it in every epoch."""
        contribution = make_contribution(self.config.diagnose.shapley, self.components.model)
        val = self.evaluate("val", look=contribution.look)
        self.components.modulator.end_epoch(self.progress.epoch, val)
        progress, score = self.progress, self.task.score(val)
        progress.best_val_accuracy = max(progress.best_val_accuracy, val.accuracy)
        if score > progress.best_score or progress.best_step < 0:
            progress.best_score, progress.best_step = score, progress.step
            best = {
                "model": self.components.model.state_dict(),
                "classes": list(self.components.data.classes),
                "step": progress.step,
            }
            checkpoint.save(
                best, checkpoint.best_path(self.components.paths.checkpoints, progress.step)
            )
        best_row = {
            "best_val_accuracy": progress.best_val_accuracy,
            **self.task.best_row(progress.best_score),
        }
        row = {**validation_row(val), **contribution.row(), **best_row}
        if self.config.eval.test != "epoch":
            return row
        test = self.evaluate("test")
        progress.best_on_test_accuracy = max(progress.best_on_test_accuracy, test.accuracy)
        return {**row, **test_row(test), "best_on_test_accuracy": progress.best_on_test_accuracy}

    def test_at_end(self) -> dict[str, Scalar]:
        """Tests the last model and that of the best validation accuracy; the last one stays."""
        last = self.evaluate("test")
        present = {
            name: value.clone() for name, value in self.components.model.state_dict().items()
        }
        best = checkpoint.load(
            checkpoint.best_path(self.components.paths.checkpoints, self.progress.best_step),
            self.components.device,
        )
        self.components.model.load_state_dict(best["model"])
        chosen = self.evaluate("test", probes=False)
        self.components.model.load_state_dict(present)
        self.progress.best_on_test_accuracy = max(
            self.progress.best_on_test_accuracy, last.accuracy, chosen.accuracy
        )
        told = {
            "accuracy": chosen.accuracy,
            "loss": chosen.loss,
            "own_accuracy": dict(chosen.unimodal_accuracy),
            **chosen.scores,
        }
        self.components.recorder.event(
            "evaluation",
            split="test",
            **told,
            model=f"{self.task.choice}, step {self.progress.best_step}",
        )
        return {
            **test_row(last),
            **chosen_row(chosen),
            "best_on_test_accuracy": self.progress.best_on_test_accuracy,
        }

    def evaluate(
        self, split: str, *, probes: bool = True, look: Callable[[Forward], None] | None = None
    ) -> Evaluation:
        asked = self.components.probes if probes else None
        return evaluate(
            self.components.model,
            asked,
            self.components.data.splits[split],
            self.config.eval.batch_size,
            self.components.device,
            on_batch=look,
        )

    def evaluate_now(self, split: str) -> dict[str, Any]:
        """Evaluates because a person asked for it; the training goes on as if nothing had been."""
        found = self.evaluate(split)
        fields = {
            "split": split,
            "accuracy": found.accuracy,
            "loss": found.loss,
            "own_accuracy": dict(found.unimodal_accuracy),
            **found.scores,
        }
        self.components.recorder.event("evaluation", **fields)
        return fields

    def leave(self) -> State:
        """Ends before the end, with a checkpoint unless told otherwise."""
        self.components.recorder.set_state(State.STOPPING)
        if self.components.command_handler.save_on_stop:
            self.save_checkpoint("stop")
        return State.STOPPED

    # -- state ------------------------------------------------------------------------

    def save_checkpoint(self, why: str) -> None:
        """Saves everything that the training needs to go on bit for bit. The rows before it are published first."""
        began = time.monotonic()
        self.components.recorder.writer.flush()
        folder = self.components.paths.checkpoints
        path = checkpoint.path_at(folder, self.progress.step)
        checkpoint.save(self.state_dict(), path)
        checkpoint.prune(folder, self.config.checkpoint.keep, self.progress.best_step)
        emit_checkpoint(self.components.recorder, path, why, began)

    def state_dict(self) -> dict[str, Any]:
        components = self.components
        return {
            "progress": asdict(self.progress),
            "model": components.model.state_dict(),
            "optimizer": components.optimizer.state_dict(),
            "batches": components.batches.state_dict(),
            "random": global_state(components.device),
            "epoch_sums": self.step_log.sums,
            "update": components.update.state_dict(),
            "diagnosis": components.diagnosis.state_dict(),
            **components.balancing.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        components = self.components
        self.progress = Progress(**state["progress"])
        components.model.load_state_dict(state["model"])
        components.optimizer.load_state_dict(state["optimizer"])
        components.balancing.load_state_dict(state)
        components.update.load_state_dict(state["update"])
        components.diagnosis.load_state_dict(state["diagnosis"])
        components.batches.load_state_dict(state["batches"])
        restore_global_state(state["random"], components.device)
        components.recorder.step, components.recorder.epoch = (
            self.progress.step,
            self.progress.epoch,
        )
        self.step_log.sums = state["epoch_sums"].to(components.device)
