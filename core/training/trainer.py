"""The trainer: the loop that joins model, modulator, probes, recorder and commands.

Three zones: what happens once in a while (`train`), the step, which reads like the paper, and the
records and checkpoints around them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch

from asgml.core.measures.task import loss_of
from asgml.core.model.schedule import learning_rate
from asgml.core.modulators.turns import Turn
from asgml.core.run.step_log import StepLog
from asgml.core.training.components import Components
from asgml.core.training.divergence import Divergence
from asgml.core.training.model_selection import ModelSelection
from asgml.core.training.precision import in_float32
from asgml.core.training.preflight import emit_warnings
from asgml.core.training.training_state import TrainingState
from asgml.core.training.turn_results import TurnResult, join_turns
from asgml.core.training.update import MicroBatch, MicroBatchResult, merge_micro_batches
from asgml.core.types import Batch, Forward, Scalar
from asgml.storage.format.status import State


class Trainer:
    """A training to its end, or until a command or a signal stops it."""

    def __init__(self, components: Components) -> None:
        self.components = components
        self.config = components.config
        self.run = components.run
        self.balancing = components.balancing
        self.selection = ModelSelection(components)
        self.step_log = StepLog(components.run.recorder, components.device)
        self.divergence = Divergence(components)
        parts = (self.selection, self.step_log, self.divergence)
        self.training_state = TrainingState(components, *parts)
        # what commands ask for
        self.evaluate_now = self.selection.evaluate_now
        self.go_back = self.training_state.go_back

    # -- once in a while --------------------------------------------------------------

    def train(self) -> State:
        """Train; return how it ended: FINISHED, STOPPED, DIVERGED; STARTING: it goes back."""
        self.run.begin()
        self.step_log.begin()
        emit_warnings(self.components, self.selection.references)
        return self.divergence.judge(self.train_epochs())

    def train_epochs(self) -> State:
        """Train until the last epoch is over, or the training is stopped or has diverged."""
        while not self.over:
            self.begin_epoch()
            for batch in self.components.batches.rest_of_epoch():
                self.run.command_handler.process_pending(self)
                if self.run.command_handler.stopping:
                    return self.stop_early()
                if self.run.command_handler.going_back:
                    return State.STARTING
                forward = self.step(batch)
                if self.divergence.diverged:
                    return State.DIVERGED
                if self.balancing.is_probe_step(self.run.step):
                    self.probe(forward)
            self.end_epoch()
        return State.FINISHED

    def begin_epoch(self) -> None:
        """Draw the order of the batches, and open and close windows.

        An epoch that a run is resumed in the middle of is not begun again.
        """
        batches, modulator = self.components.batches, self.balancing.modulator
        if not batches.in_epoch:
            modulator.begin_epoch(self.run.epoch)
            batches.begin_epoch(modulator.repeats())
        self.balancing.emit_windows(self.run.epoch)

    @property
    def over(self) -> bool:
        """True after the last epoch, or where early stopping has ended the training before it."""
        early = self.components.early_stopping.exhausted
        return early or self.run.epoch >= self.config.epochs

    def end_epoch(self) -> None:
        """Evaluate, record the epoch, and save a checkpoint, each where it is due."""
        row = self.step_log.close_epoch()
        row |= self.selection.epoch_row(self.run.epoch)
        self.run.recorder.record("epochs", row)
        self.run.epoch += 1
        if self.over or self.run.epoch % self.config.checkpoint.every == 0:
            self.keep_checkpoint("end of training" if self.over else "epoch")

    def stop_early(self) -> State:
        """End before the last epoch, with a checkpoint unless the command asks for none."""
        self.run.recorder.set_state(State.STOPPING)
        if self.run.command_handler.save_on_stop:
            self.keep_checkpoint("stop")
        return State.STOPPED

    # -- the step ---------------------------------------------------------------------

    def step(self, batch: Batch) -> Forward:
        """Train on a batch, in a single turn unless a method states others; record it in one row.

        Return the forward pass of the first turn, of the weights that the step began with.
        """
        batch = self.components.mixup.mix(batch)
        self.divergence.begin_step()
        parts = self.components.update.split(batch)
        # + 1: the step is counted when it is recorded
        probes_due = self.balancing.is_probe_step(self.run.step + 1)
        with self.components.diagnostics.measure_update(probes_due):
            turns = self.balancing.modulator.turns()
            result = join_turns([self.take_turn(turn, batch, parts) for turn in turns])
        self.record_step(result)
        return result.forward

    def take_turn(self, turn: Turn, batch: Batch, parts: Sequence[MicroBatch]) -> TurnResult:
        """Forward, loss, backward (of each micro-batch), modulation, update."""
        balancing, update = self.balancing, self.components.update
        update.begin()
        results = [self.forward_and_back(turn, part) for part in parts]
        forward, loss, task_loss = merge_micro_batches(batch, results)
        refused = self.divergence.refuses(loss, update.judged_gradients())
        if not refused and update.grads_finite():
            modulated = balancing.modulate_gradients(forward, turn.modalities)
        else:
            modulated = balancing.measure_only()
        self.set_lr(modulated.modulation.rates)
        updated = update.leave_out() if refused else update.finish(modulated.modulation.clip)
        return TurnResult(turn.modalities, forward, loss, task_loss, modulated, updated)

    def forward_and_back(self, turn: Turn, part: MicroBatch) -> MicroBatchResult:
        """Forward, loss, backward of a micro-batch."""
        model, modulator, share = self.components.model, self.balancing.modulator, part.share
        scale_loss = partial(self.components.update.scale_loss, share)
        with self.components.update.precision.autocast():
            encoded = turn.trained(part.encode(model))
            features, labels = modulator.before_fusion(encoded, part.batch.labels)
            joint = modulator.joint_features(features)
            forward = model.join(part.batch, features, labels, joint)
        forward = in_float32(forward)
        task_loss = loss_of(forward, forward.logits)
        loss = turn.loss_of(forward, task_loss) + modulator.loss(forward)
        modulator.before_backward(forward, task_loss)
        self.components.diagnostics.before_backward(
            self.run.step + 1, forward, task_loss, scale_loss
        )
        torch.autograd.backward(scale_loss(loss))
        return MicroBatchResult(forward, share * loss.detach(), share * task_loss.detach())

    def set_lr(self, rates: Mapping[str, Scalar]) -> None:
        """Set the scheduled rate of the step, times its factor for an encoder in `rates`."""
        initial = float(self.run.live_settings.values["lr"])
        self.lr = learning_rate(self.config, initial, epoch=self.run.epoch, step=self.run.step)
        for group in self.components.optimizer.param_groups:
            group["lr"] = self.lr * float(rates.get(group["modality"], 1.0))

    def probe(self, forward: Forward) -> None:
        """Probe the features of this step, unless its update was left out."""
        if not self.divergence.left_out:
            self.balancing.probe(forward, self.components.diagnostics.probe_columns())

    # -- records and checkpoints ------------------------------------------------------

    def record_step(self, result: TurnResult) -> None:
        """Count the step and record it."""
        self.run.step += 1
        row, left_out = result.modulated.row(result.forward), self.divergence.left_out
        more = self.components.diagnostics.step_columns(row, left_out=left_out)
        self.step_log.record_step(
            {**more, **row, **result.updated},
            loss=result.loss,
            task_loss=result.task_loss,
            lr=self.lr,
            samples=0 if left_out else len(result.forward.labels),
        )
        self.divergence.after_step(result.loss)

    def keep_checkpoint(self, why: str) -> None:
        """Save a checkpoint, or tell why there is none."""
        self.training_state.keep(why)

    def save_checkpoint(self, why: str) -> None:
        """Save all that the training needs to continue bit for bit; RefusedError: not finite."""
        self.training_state.save(why)

    def state_dict(self) -> dict[str, Any]:
        return self.training_state.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.training_state.load_state_dict(state)
