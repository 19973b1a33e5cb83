"""The books of a training loop: a recorded row for each step, one of the machine now and then, the means of an epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from asgml.core.run.recorder import Recorder
from asgml.core.run.system_monitor import SystemMonitor
from asgml.core.types import Scalar


class StepLog:
    """Kept by whoever runs the loop. `sums` are loss, correct answers and samples of the epoch so far."""

    def __init__(self, recorder: Recorder, system: SystemMonitor) -> None:
        self.recorder = recorder
        self.system = system
        self.sums = torch.zeros(3, device=system.device)
        self._step_ended = time.monotonic()

    def begin(self) -> None:
        """The time of the first step counts from here."""
        self._step_ended = time.monotonic()

    def record_step(
        self,
        row: Mapping[str, Scalar],
        *,
        epoch: int,
        loss: Tensor,
        task_loss: Tensor,
        lr: float,
        samples: int,
    ) -> None:
        """A step is over: its row, its share of the epoch's means, and what was noticed meanwhile."""
        now = time.monotonic()
        more: dict[str, Scalar] = {
            "epoch": epoch,
            "loss": loss,
            "task_loss": task_loss,
            "lr": lr,
            "step_time": now - self._step_ended,
        }
        self._step_ended = now
        self.recorder.record("steps", {**row, **more})
        counted = torch.stack([loss, torch.as_tensor(row["accuracy"]), torch.ones_like(loss)])
        self.sums += samples * counted
        self.recorder.emit_alerts()
        if system := self.system.sample(samples):
            self.recorder.record(
                "system", {**system, "store_bytes": self.recorder.published_bytes()}
            )

    def close_epoch(self) -> dict[str, Scalar]:
        """The means over the epoch's samples; the next one begins at 0."""
        loss, right, samples = self.sums.tolist()
        self.sums.zero_()
        return {"train_loss": loss / samples, "train_accuracy": right / samples}
