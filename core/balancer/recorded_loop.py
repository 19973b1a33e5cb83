"""An external training loop as a recorded run: its epochs, its beginning and end, its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from asgml.core.balancer.call_order import CallOrder
from asgml.core.balancer.run import LoopCommands, RunOptions, make_run
from asgml.core.balancer.setup import loop_manifest
from asgml.core.config.live_settings import LiveSettings
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset
from asgml.core.model.model import MultimodalModel
from asgml.core.run.recorded_run import first_line
from asgml.core.run.step_log import StepLog
from asgml.core.training.balancing import make_balancing
from asgml.core.training.distributed import Ranks
from asgml.core.training.divergence import Divergence
from asgml.core.training.length_warnings import too_short
from asgml.core.training.method_warnings import shared_weights, without_parts
from asgml.storage.format.knobs import Value, find_knob
from asgml.storage.format.status import State
from asgml.storage.write.closing import ClosedByWith


class RecordedLoop(ClosedByWith):
    """Everything of a Balancer but its steps: epochs, beginning and end, knob values, state."""

    def __init__(
        self,
        config: RunSettings,
        data: Dataset,
        model: MultimodalModel,
        live_settings: LiveSettings,
        options: RunOptions,
    ) -> None:
        """Open the run. Raise LoopError or FormatError before one is begun."""
        self.config, self.classes, self.model = config, len(data.classes), model
        self.device = next(model.parameters()).device
        self.ranks = Ranks(self.device)
        # only the first rank records: the modulation is the same on all
        path = options.path() if self.ranks.index == 0 else None
        name, steps = path.name if path else "", options.steps_per_epoch
        manifest = loop_manifest(name, config, data, live_settings, self.device, steps)
        self.run = make_run(path, manifest, live_settings, resume=options.resume)
        self.balancing = make_balancing(config, model, data, self.run, self.device)
        self.divergence = Divergence(self, external=True)
        self.divergence.remember()
        self.step_log = StepLog(self.run.recorder, self.device)
        self.best_val_accuracy = -1.0
        self._told_of_split = False
        self._order = CallOrder(self.balancing, self.ranks.count)
        self._commands = LoopCommands(self.run, options.checkpoint)
        self.run.open()  # last: where anything above is refused, no run is begun

    @property
    def stopping(self) -> bool:
        """True once a command has asked for the end, or the training has diverged."""
        return self.run.command_handler.stopping

    @property
    def skipped(self) -> bool:
        """True where the last `step` left its update out (on_nan = skip).

        The gradients of encoders and head are gone then. The loop leaves out optimizer.step() where
        other parameters have gradients too.
        """
        return self.divergence.left_out

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

    def after_step(self, loss: Tensor) -> None:
        """Take the loss of a step that is counted; ask the loop to stop where it has diverged."""
        self.divergence.after_step(loss)
        self.divergence.remember()
        # the first rank decides for all, which take over its flag at the next step
        if self.divergence.diverged and self.ranks.index == 0:
            self.run.command_handler.stop(save=False)

    # -- beginning, epochs, end -------------------------------------------------------

    def begin(self) -> None:
        """Record the beginning of the training; the first call of any other method does so too."""
        self._order.check_open()
        if not self.run.begun:
            self.run.begin()
            self._emit_warnings()
            self.step_log.begin()

    def _emit_warnings(self) -> None:
        """Record which methods have no effect on this model, or in a training of this length."""
        if self.run.step > 0:  # a resumed run has them already
            return
        manifest = self.run.manifest
        for message in [
            *without_parts(self.config, self.model),
            *too_short(self.config, manifest.total_epochs, manifest.total_steps),
        ]:
            self.run.recorder.event("alert", level="warning", message=message)

    def warn_of_shared_weights(self) -> None:
        """Record, once in a run, that mmpareto is given the split of the head."""
        if self._told_of_split or self.run.step > 0:
            return
        self._told_of_split = True
        remedy = "give unimodal_logits of such heads to loss and step"
        for message in shared_weights(self.config, "the split of head=", remedy):
            self.begin()
            self.run.recorder.event("alert", level="warning", message=message)

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

    def end_epoch(self, **values: float) -> None:
        """Record the epoch, with values such as `val_accuracy`, `val_loss` or `test_accuracy`."""
        if self._order.in_epoch and self.step_log.sums[2] > 0:
            if "val_accuracy" in values:
                self.best_val_accuracy = max(self.best_val_accuracy, values["val_accuracy"])
                values["best_val_accuracy"] = self.best_val_accuracy
            self.run.recorder.record("epochs", {**self.step_log.close_epoch(), **values})
        self._order.in_epoch = False

    def close(self) -> None:
        """End the training as finished, stopped by a command, or diverged. Called by `with`."""
        if self.run.closed:
            return
        self.begin()
        end = self.divergence.judge(State.STOPPED if self.stopping else State.FINISHED)
        if end is State.STOPPED:
            self._commands.save_at_stop()
        elif end is State.FINISHED:
            self.end_epoch()
        self.run.close(end)

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
