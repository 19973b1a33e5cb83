"""Distributed training (torch.distributed): ranks train one model, each on a shard of a batch.

DDP averages gradients over the ranks, so a modulation has to be the same on all: every rank
measures the whole batch, draws the same noise from the same seed, and takes the knob values of the
first rank, the one that records. While the first rank is paused the others wait for it, no longer
than the process group's timeout.
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
    """Number of ranks and index of this one; one rank where torch.distributed is not set up."""

    def __init__(self, device: torch.device) -> None:
        initialized = distributed.is_available() and distributed.is_initialized()
        self.count = distributed.get_world_size() if initialized else 1
        self.index = distributed.get_rank() if initialized else 0
        self.device = device
        self._last: list[Any] = []

    def gather(self, forward: Forward) -> Forward:
        """Return the forward of all ranks' samples. Every rank's batch must have the same size."""
        if self.count == 1:
            return forward
        labels = self._gather(forward.labels)
        return replace(
            forward,
            batch=Batch({}, labels),
            features=self._gather_each(forward.features),
            logits=self._gather(forward.logits),
            unimodal_logits=self._gather_each(forward.unimodal_logits),
            labels=labels,
        )

    def synchronize(self, command_handler: CommandHandler) -> None:
        """Take over the first rank's knob values and its flag `stopping`."""
        if self.count == 1:
            return
        state: list[Any] = [dict(command_handler.live_settings.values), command_handler.stopping]
        # one integer a step; the objects, which are pickled, only after a change
        change = [self.index == 0 and state != self._last]
        changed = torch.tensor(change, dtype=torch.int32, device=self.device)
        distributed.broadcast(changed, src=0)
        if changed.item():
            distributed.broadcast_object_list(state, src=0, device=self.device)
            command_handler.live_settings.values.update(state[0])
            command_handler.stopping = state[1]
            self._last = state

    def _gather_each(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: self._gather(tensor) for name, tensor in tensors.items()}

    def _gather(self, tensor: Tensor) -> Tensor:
        shards = [torch.empty_like(tensor) for _ in range(self.count)]
        distributed.all_gather(shards, tensor.contiguous())
        return torch.cat(shards)
