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
from asgml.core.run.lifecycle import tell_checkpoint
from asgml.core.run.rows import chosen_row, test_row, validation_row
from asgml.core.run.step_log import Books
from asgml.core.seeds import global_state, restore_global_state
from asgml.core.training.balancing import Balanced
from asgml.core.training.components import Parts
from asgml.core.training.modality_contribution import make_contribution
from asgml.core.training.precision import in_float32
from asgml.core.training.preflight import cautions, of_the_data, unmeasured
from asgml.core.training.update import Pass, joined
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
    """Trains to the end, or until told to stop. The parts are made by core/training/components.py."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.config = parts.config
        self.task = make_task(parts.data)
        self.progress = Progress()
        self.books = Books(parts.recorder, parts.system)

    # -- once in a while ------------------------------------------------------------------------------------------------

    def train(self) -> State:
        """The whole training. Returns how it ended: FINISHED or STOPPED."""
        desk, balancing = self.parts.desk, self.parts.balancing
        self.books.begin()
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
                if balancing.is_probe_step(self.progress.step):
                    self.probe(forward)
            self.end_epoch()
        return State.FINISHED

    def warn(self) -> None:
        """Tells, once at the start of a run, what in its configuration cannot have the effect that is asked for."""
        if self.progress.step > 0:
            return
        for message in [*cautions(self.config, self.parts.model), *of_the_data(self.parts.data)]:
            self.parts.recorder.event("alert", level="warning", message=message)
        for message in unmeasured(self.config, self.parts.model):
            self.parts.recorder.event("phase", message=message)

    # -- the step -------------------------------------------------------------------------------------------------------

    def step(self, batch: Batch) -> Forward:
        """Forward, loss, backward (of each micro-batch), modulation, update, record."""
        balancing, update, diagnosis = self.parts.balancing, self.parts.update, self.parts.diagnosis
        passes = [self.forward_and_back(part, share) for part, share in update.begin(batch)]
        forward, loss, task_loss = joined(batch, passes)
        balanced = (
            balancing.act(forward) if update.is_sound() else balancing.let_be()
        )  # gradients by encoder → modulation → apply
        self.set_lr(balanced.modulation.rates)
        with diagnosis.update_measured(balancing.is_probe_step(self.progress.step + 1)):
            updated = update.finish()
        self.record_step(forward, balanced, loss, task_loss, updated)
        return forward

    def forward_and_back(self, batch: Batch, share: float) -> Pass:
        """Forward, loss, backward of one micro-batch, which is this share of the samples of its step."""
        parts, weighed = self.parts, partial(self.parts.update.weighed, share)
        with parts.update.precision.autocast():
            forward = parts.model.join(
                batch, *parts.modulator.feed(parts.model.encode(batch.inputs), batch.labels)
            )
        forward = in_float32(forward)
        task_loss = loss_of(forward, forward.logits)
        loss = task_loss + parts.modulator.loss(forward)
        parts.modulator.before_backward(forward, task_loss)
        parts.diagnosis.before_backward(self.progress.step + 1, forward, task_loss, weighed)
        torch.autograd.backward(weighed(loss))
        return Pass(forward, share * loss.detach(), share * task_loss.detach())

    def set_lr(self, rates: Mapping[str, Scalar]) -> None:
        """The stepped learning rate, times its own factor for an encoder that `rates` names."""
        settings = self.config.optimizer
        self.lr = lr_at(
            self.progress.epoch,
            float(self.parts.board.values["lr"]),
            settings.decay_every,
            settings.decay,
        )
        for group in self.parts.optimizer.param_groups:
            group["lr"] = self.lr * float(rates.get(group["modality"], 1.0))

    def probe(self, forward: Forward) -> None:
        self.parts.balancing.probe(forward, self.parts.diagnosis.probe_columns())

    # -- the books ------------------------------------------------------------------------------------------------------

    def begin_epoch(self) -> None:
        """Draws the order of the batches, opens and closes windows. An epoch that a resumed run is in goes on as it began."""
        self.parts.recorder.epoch = self.progress.epoch
        if self.parts.batches.begin_epoch():
            self.parts.modulator.begin_epoch(self.progress.epoch)
        self.parts.balancing.tell_windows(self.progress.epoch)

    def record_step(
        self,
        forward: Forward,
        balanced: Balanced,
        loss: Tensor,
        task_loss: Tensor,
        updated: Mapping[str, Scalar],
    ) -> None:
        """Counts the step and records it."""
        self.progress.step += 1
        self.parts.recorder.step = self.progress.step
        row, samples = balanced.row(forward), len(forward.labels)
        row = {**self.parts.diagnosis.step_columns(row), **row, **updated}
        self.books.record_step(
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
        row = self.books.close_epoch()
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
        contribution = make_contribution(self.config.diagnose.shapley, self.parts.model)
        val = self.evaluate("val", look=contribution.look)
        self.parts.modulator.end_epoch(self.progress.epoch, val)
        progress, score = self.progress, self.task.score(val)
        progress.best_val_accuracy = max(progress.best_val_accuracy, val.accuracy)
        if score > progress.best_score or progress.best_step < 0:
            progress.best_score, progress.best_step = score, progress.step
            best = {
                "model": self.parts.model.state_dict(),
                "classes": list(self.parts.data.classes),
                "step": progress.step,
            }
            checkpoint.save(best, checkpoint.best_path(self.parts.paths.checkpoints, progress.step))
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
        present = {name: value.clone() for name, value in self.parts.model.state_dict().items()}
        best = checkpoint.load(
            checkpoint.best_path(self.parts.paths.checkpoints, self.progress.best_step),
            self.parts.device,
        )
        self.parts.model.load_state_dict(best["model"])
        chosen = self.evaluate("test", probes=False)
        self.parts.model.load_state_dict(present)
        self.progress.best_on_test_accuracy = max(
            self.progress.best_on_test_accuracy, last.accuracy, chosen.accuracy
        )
        told = {
            "accuracy": chosen.accuracy,
            "loss": chosen.loss,
            "own_accuracy": dict(chosen.own_accuracy),
            **chosen.scores,
        }
        self.parts.recorder.event(
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
        asked = self.parts.probes if probes else None
        return evaluate(
            self.parts.model,
            asked,
            self.parts.data.splits[split],
            self.config.eval.batch_size,
            self.parts.device,
            look=look,
        )

    def evaluate_now(self, split: str) -> dict[str, Any]:
        """Evaluates because a person asked for it; the training goes on as if nothing had been."""
        found = self.evaluate(split)
        fields = {
            "split": split,
            "accuracy": found.accuracy,
            "loss": found.loss,
            "own_accuracy": dict(found.own_accuracy),
            **found.scores,
        }
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
        checkpoint.save(self.state_dict(), path)
        checkpoint.prune(folder, self.config.checkpoint.keep, self.progress.best_step)
        tell_checkpoint(self.parts.recorder, path, why, began)

    def state_dict(self) -> dict[str, Any]:
        parts = self.parts
        return {
            "progress": asdict(self.progress),
            "model": parts.model.state_dict(),
            "optimizer": parts.optimizer.state_dict(),
            "batches": parts.batches.state_dict(),
            "random": global_state(parts.device),
            "epoch_sums": self.books.sums,
            "update": parts.update.state_dict(),
            "diagnosis": parts.diagnosis.state_dict(),
            **parts.balancing.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        parts = self.parts
        self.progress = Progress(**state["progress"])
        parts.model.load_state_dict(state["model"])
        parts.optimizer.load_state_dict(state["optimizer"])
        parts.balancing.load_state_dict(state)
        parts.update.load_state_dict(state["update"])
        parts.diagnosis.load_state_dict(state["diagnosis"])
        parts.batches.load_state_dict(state["batches"])
        restore_global_state(state["random"], parts.device)
        parts.recorder.step, parts.recorder.epoch = self.progress.step, self.progress.epoch
        self.books.sums = state["epoch_sums"].to(parts.device)
