"""Divergence: what a training does where its loss is no finite number (setting `on_nan`).

    stop   the training ends as diverged; on a CPU before the update of that step
    skip   the update of that batch is left out: weights, momentum and the running statistics of
           batch norm stay as they were, and neither methods nor probes see the batch's gradients
    go     the training goes on

Whatever the setting, a training that ends with a loss or weights that are not finite has diverged.
On a CPU the loss is looked at as soon as it is there. On a GPU that would make every step wait for
the device, so `stop` looks at the rows when they reach the host, a quarter of a second later; only
`skip`, which has to know before the update, waits. Gradients that overflow in fp16 are answered by
the scale of the loss and are no divergence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from asgml.core.config.run_settings import RunSettings
from asgml.core.measures.finite import all_finite
from asgml.core.model.model import MultimodalModel
from asgml.core.run.checkpoint_files import step_of, up_to
from asgml.core.run.faults import Fault
from asgml.core.run.recorded_run import RecordedRun
from asgml.storage.format.status import State


@runtime_checkable
class Watched(Protocol):
    """What is looked at: the components of a training, or an external loop."""

    @property
    def config(self) -> RunSettings: ...
    @property
    def model(self) -> MultimodalModel: ...
    @property
    def run(self) -> RecordedRun: ...
    @property
    def device(self) -> torch.device: ...


class Divergence:
    """The look at each step's numbers. `left_out`: the step's update was left out."""

    def __init__(self, watched: Watched, *, external: bool = False) -> None:
        """Look at a training. In an external loop only the loss counts.

        Its gradients may overflow for a scale of the loss that the loop answers.
        """
        self.skips = watched.config.on_nan == "skip"
        self.stops = watched.config.on_nan == "stop"
        self.left_out = False
        self._model, self._run, self._external = watched.model, watched.run, external
        self._at_once = self.skips or (self.stops and watched.device.type == "cpu")
        self._buffers: list[Tensor] = []
        self._last_loss = torch.zeros(())
        self._outage: Fault | None = None
        self._skipped = 0  # updates in the present outage
        self._beyond_help = False

    # -- the step ---------------------------------------------------------------------

    def begin_step(self) -> None:
        """Remember, before a forward pass, what it changes in the model."""
        self.left_out = False
        self.remember()

    def remember(self) -> None:
        if self.skips:
            self._buffers = [buffer.clone() for buffer in self._model.buffers()]

    def refuses(self, loss: Tensor, gradients: Iterable[Tensor] = ()) -> bool:
        """Return True where a turn's update is to be left out; the model is then as before it.

        Only `skip` looks at the gradients too.
        """
        if not self._at_once:
            return False
        if bool(loss.isfinite()) and (not self.skips or all_finite(gradients)):
            return False
        self.left_out = True
        if self.skips:
            for buffer, before in zip(self._model.buffers(), self._buffers, strict=True):
                buffer.copy_(before)
        return True

    def after_step(self, loss: Tensor) -> None:
        """Take the loss of a step that is counted; tell the beginning and end of an outage."""
        self._last_loss = loss
        if self.left_out and self.skips:
            self._skipped += 1
            if self._outage is None:
                self._begin_outage(float(loss))
        elif self._outage is not None:
            self._end_outage(self._outage)
        elif self.left_out:
            self._outage = Fault(self._run.step, "loss", float(loss))

    @property
    def in_outage(self) -> bool:
        """True where the last update was left out."""
        return self._outage is not None

    @property
    def diverged(self) -> bool:
        """True where the training is to end. Waits for nothing."""
        if self.stops:
            return self._outage is not None or bool(self._recorded_faults())
        return self._beyond_help

    def _begin_outage(self, loss: float) -> None:
        fault = Fault(self._run.step, "loss", loss)
        if math.isfinite(loss):
            fault = Fault(self._run.step, "grad_norm", math.nan)
        self._outage = fault
        self._run.recorder.event(
            "alert",
            level="error",
            message=f"{fault.text}: the update is left out (on_nan = skip)",
            at_step=fault.step,
            column=fault.column,
            value=str(fault.value),
        )
        # no batch can repair weights that are no numbers
        self._beyond_help = not all_finite(self._model.state_dict().values())

    def _end_outage(self, fault: Fault) -> None:
        several = "updates were" if self._skipped > 1 else "update was"
        message = f"{self._skipped} {several} left out from step {fault.step} on; finite again"
        self._run.recorder.event("phase", message=message, part="on_nan", skipped=self._skipped)
        self._outage, self._skipped = None, 0

    # -- the end ----------------------------------------------------------------------

    def judge(self, end: State) -> State:
        """Return DIVERGED where the training has, else `end`; the run keeps what its event says."""
        if end is State.STARTING:  # it goes back to a checkpoint
            return end
        self._run.recorder.publish()
        sound = bool(self._last_loss.isfinite()) and all_finite(self._model.state_dict().values())
        if sound and not self.diverged:
            return end
        # with `skip`, recorded faults may be of outages that are over
        recorded = [] if self.skips else self._recorded_faults()
        faults = [*([self._outage] if self._outage else []), *recorded]
        weights = Fault(self._run.step, "weights", math.nan)
        first = min(faults, key=lambda each: each.step, default=weights)
        self._run.end_fields = self._fields(first)
        return State.DIVERGED

    def _recorded_faults(self) -> list[Fault]:
        faults = self._run.recorder.faults
        return [one for name, one in list(faults.items()) if name == "loss" or not self._external]

    def _fields(self, fault: Fault) -> dict[str, Any]:
        """Return the fields of the event: the first fault, and the last sound checkpoint."""
        saved = next(up_to(self._run.paths.checkpoints, fault.step - 1), None)
        step = step_of(saved) if saved is not None else None
        known = f"; the last sound checkpoint is of step {step}"
        unknown = "" if self._external else "; no checkpoint is that early"
        return {
            "message": fault.text + (known if saved is not None else unknown),
            "column": fault.column,
            "value": str(fault.value),
            "at": fault.step,
            "checkpoint": step,
        }
