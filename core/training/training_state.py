"""The state of a training: all that it needs to continue bit for bit, saved in a checkpoint."""

from __future__ import annotations

from typing import Any

from asgml.core.measures.finite import all_finite, tensors_in
from asgml.core.run import checkpoint
from asgml.core.run.command_checks import RefusedError
from asgml.core.run.step_log import StepLog
from asgml.core.run.way_back import checkpoint_before, set_aside
from asgml.core.seeds import global_state, restore_global_state
from asgml.core.training.components import Components
from asgml.core.training.divergence import Divergence
from asgml.core.training.model_selection import ModelSelection
from asgml.storage.read.knob_changes import KnobChange
from asgml.storage.read.reader import Run


class TrainingState:
    """The state of all components of a training, and the checkpoints that it is saved in."""

    def __init__(
        self,
        components: Components,
        selection: ModelSelection,
        step_log: StepLog,
        divergence: Divergence,
    ) -> None:
        self.components = components
        self.run = components.run
        self.selection = selection
        self.step_log = step_log
        self.divergence = divergence
        self._told = False  # why none is saved: once, however long it lasts

    def save(self, why: str) -> None:
        """Save a checkpoint, and delete those that are no longer kept.

        Raise RefusedError where loss, weights or optimizer are not finite: nothing can go on from
        there, and it would push out a checkpoint from which it can.
        """
        folder = self.run.paths.checkpoints
        if not self.sound:
            raise RefusedError("loss, weights or optimizer are not finite, none could go on there")
        path = checkpoint.path_at(folder, self.run.step)
        with self.run.checkpoint_event(path, why):
            # first the rows: a checkpoint without the rows before it would leave a gap in the run
            self.run.recorder.writer.flush()
            checkpoint.save(self.state_dict(), path)
            keep, best = self.components.config.checkpoint.keep, self.selection.best.step
            changed_at = self.run.command_handler.changed_at
            checkpoint.prune(folder, keep, best, self.run.step, changed_at)

    def go_back(self, change: KnobChange) -> dict[str, Any]:
        """Set aside the checkpoints after a knob change, so that the next segment begins before it.

        Return the step that it begins at. Raise RefusedError where there is no way back.
        """
        folder, writer = self.run.paths.checkpoints, self.run.recorder.writer
        writer.flush()
        path = checkpoint_before(folder, change, Run.open(self.run.paths).events)
        try:
            step = int(checkpoint.load(path)["progress"]["step"])
        except checkpoint.CheckpointError as error:
            raise RefusedError(str(error)) from None
        set_aside(folder, step, writer.segment)
        return {"to_step": step}

    def keep(self, why: str) -> None:
        """Save a checkpoint, or record why there is none."""
        try:
            self.save(why)
            self._told = False
        except RefusedError as refused:
            if not self._told:
                self.run.recorder.event("alert", level="error", message=f"no checkpoint: {refused}")
            self._told = True

    @property
    def sound(self) -> bool:
        """True where weights and optimizer are finite, and no outage of the loss lasts."""
        model, optimizer = self.components.model, self.components.optimizer
        states = [model.state_dict(), optimizer.state_dict()["state"]]
        return not self.divergence.in_outage and all_finite(tensors_in(states))

    def state_dict(self) -> dict[str, Any]:
        components = self.components
        # the keys are those of version 0.1.0, whose runs can be resumed
        return {
            "progress": {
                "step": self.run.step,
                "epoch": self.run.epoch,
                **self.selection.state_dict(),
            },
            "model": components.model.state_dict(),
            "optimizer": components.optimizer.state_dict(),
            "batches": components.batches.state_dict(),
            "random": global_state(components.device),
            "epoch_sums": self.step_log.sums,
            "update": components.update.state_dict(),
            "diagnosis": components.diagnostics.state_dict(),
            "mixup": components.mixup.state_dict(),
            "early_stopping": components.early_stopping.state_dict(),
            **components.balancing.state_dict(),
            **self.run.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        components, progress = self.components, state["progress"]
        components.model.load_state_dict(state["model"])
        components.optimizer.load_state_dict(state["optimizer"])
        components.balancing.load_state_dict(state)
        self.run.load_state_dict(state, step=progress["step"], epoch=progress["epoch"])
        self.selection.load_state_dict(progress)
        components.update.load_state_dict(state["update"])
        components.diagnostics.load_state_dict(state["diagnosis"])
        components.batches.load_state_dict(state["batches"])
        # older checkpoints have neither
        components.mixup.load_state_dict(state.get("mixup", {}))
        components.early_stopping.load_state_dict(state.get("early_stopping", {}))
        # after all that might draw while it is restored
        restore_global_state(state["random"], components.device)
        self.step_log.sums = state["epoch_sums"].to(components.device)
