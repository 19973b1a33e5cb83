"""Ranks: several processes that train one model together (torch.distributed), each with its own part of every batch.

Gradients are averaged over the ranks, so what is done to them has to be the same on all: every rank looks at the whole
batch, draws the same noise from the same seed, and takes over the knobs from the first rank, the one that records.
While a person has paused the first rank the others wait for it, no longer than the process group's timeout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, distributed

from asgml.core.run.commands import CommandHandler
from asgml.core.types import Batch, Forward


class Ranks:
    """How many there are, and which one this process is; one alone where torch.distributed is not set up."""

    def __init__(self, device: torch.device) -> None:
        joined = distributed.is_available() and distributed.is_initialized()
        self.count = distributed.get_world_size() if joined else 1
        self.index = distributed.get_rank() if joined else 0
        self.device = device
        self._last: list[Any] = []

    def whole(self, forward: Forward) -> Forward:
        """The forward of all ranks' samples. Every rank's batch must have the same size."""
        if self.count == 1:
            return forward
        labels = self._gather(forward.labels)
        return replace(
            forward,
            batch=Batch({}, labels),
            features=self._gather_all(forward.features),
            logits=self._gather(forward.logits),
            unimodal_logits=self._gather_all(forward.unimodal_logits),
            labels=labels,
        )

    def agree(self, command_handler: CommandHandler) -> None:
        """All take over the first rank's knobs, and whether it was told to stop."""
        if self.count == 1:
            return
        said: list[Any] = [dict(command_handler.live_settings.values), command_handler.stopping]
        changed = torch.tensor(
            [self.index == 0 and said != self._last], dtype=torch.int32, device=self.device
        )
        distributed.broadcast(changed, src=0)
        if changed.item():
            distributed.broadcast_object_list(said, src=0, device=self.device)
            command_handler.live_settings.values.update(said[0])
            command_handler.stopping = said[1]
            self._last = said

    def _gather_all(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: self._gather(tensor) for name, tensor in tensors.items()}

    def _gather(self, tensor: Tensor) -> Tensor:
        parts = [torch.empty_like(tensor) for _ in range(self.count)]
        distributed.all_gather(parts, tensor.contiguous())
        return torch.cat(parts)
