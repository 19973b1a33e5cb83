"""The system monitor: CPU, memory and GPU use of the trainer, and its samples per second."""

from __future__ import annotations

import time

import psutil
import torch

SAMPLE_EVERY = 2.0
"""Seconds between two rows."""
MIB = 2**20


class SystemMonitor:
    """Source of the table `system`: a row every two seconds, None in between."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.process = psutil.Process()
        # psutil measures from call to call; the first one gives 0 and starts the interval
        self.process.cpu_percent()
        self._last = time.monotonic()
        self._samples = 0

    def sample(self, batch_size: int) -> dict[str, float] | None:
        """Count a batch; return a row when one is due."""
        self._samples += batch_size
        elapsed = time.monotonic() - self._last
        if elapsed < SAMPLE_EVERY:
            return None
        row = {
            "cpu": self.process.cpu_percent(),
            "memory": self.process.memory_info().rss / MIB,
            "samples_per_second": self._samples / elapsed,
        }
        self._last, self._samples = time.monotonic(), 0
        return {**row, **self._gpu()}

    def _gpu(self) -> dict[str, float]:
        if self.device.type != "cuda":
            return {}
        row: dict[str, float] = {
            "gpu_memory": torch.cuda.memory_allocated(self.device) / MIB,
            "gpu_memory_peak": torch.cuda.max_memory_allocated(self.device) / MIB,
        }
        try:
            row["gpu"] = float(torch.cuda.utilization(self.device))
        except (ModuleNotFoundError, RuntimeError):
            # the driver's library (pynvml) is optional; the column then stays empty
            return row
        return row
