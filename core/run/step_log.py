"""The step log: a row for each optimizer step, a system row now and then, the means of an epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from asgml.core.run.recorder import Recorder
from asgml.core.run.system_monitor import SystemMonitor
from asgml.core.types import Scalar


class StepLog:
    """`sums` are loss, correct answers and samples of the epoch so far, on the device."""

    def __init__(self, recorder: Recorder, device: torch.device) -> None:
        self.recorder = recorder
        self.system = SystemMonitor(device)
        self.sums = torch.zeros(3, device=device)
        self._step_ended = time.monotonic()

    def begin(self) -> None:
        """Measure the time of the first step from here."""
        self._step_ended = time.monotonic()

    def record_step(
        self, row: Mapping[str, Scalar], *, loss: Tensor, task_loss: Tensor, lr: float, samples: int
    ) -> None:
        """Record a step that is over, add it to the epoch's means, and emit alerts.

        `samples` is 0 for a batch whose update was left out: it is none of the epoch's means.
        """
        now = time.monotonic()
        more: dict[str, Scalar] = {
            "epoch": self.recorder.epoch,
            "loss": loss,
            "task_loss": task_loss,
            "lr": lr,
            "step_time": now - self._step_ended,
        }
        self._step_ended = now
        self.recorder.record("steps", {**row, **more})
        # summed on the device: reading a number here would make every step wait for it
        counted = torch.stack([loss, torch.as_tensor(row["accuracy"]), torch.ones_like(loss)])
        if samples:
            self.sums += samples * counted
        self.recorder.emit_alerts()
        if system := self.system.sample(samples):
            stored = self.recorder.published_bytes()
            self.recorder.record("system", {**system, "store_bytes": stored})

    def close_epoch(self) -> dict[str, Scalar]:
        """Return the means over the epoch's samples, and begin the next epoch at 0."""
        loss, right, samples = self.sums.tolist()
        self.sums.zero_()
        if not samples:  # every update of the epoch was left out
            return {}
        return {"train_loss": loss / samples, "train_accuracy": right / samples}
