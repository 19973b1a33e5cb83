"""Batches: the training split in a random order of its own generator, at a position that can be saved and gone back to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from core.data.base import Split
from core.types import Batch

RESIDENT_SHARE = 0.25
"""A split moves to the GPU once and for all where it takes no more than this share of the free memory."""


class Batches:
    """Shuffled batches, epoch after epoch. A last batch of a single sample is left out: batch norm cannot take it."""

    def __init__(self, split: Split, batch_size: int, device: torch.device, seed: int) -> None:
        self.split = to_device(split, device)
        self.batch_size = batch_size
        self.device = device
        self.generator = torch.Generator().manual_seed(seed)
        self.order = torch.empty(0, dtype=torch.int64)
        self.position = 0

    @staticmethod
    def count(samples: int, batch_size: int) -> int:
        """Batches in an epoch."""
        full, rest = divmod(samples, batch_size)
        return full + (rest > 1)

    @property
    def per_epoch(self) -> int:
        return self.count(len(self.split), self.batch_size)

    def begin_epoch(self) -> bool:
        """Draws a new order. False where one was restored in the middle of its epoch, which then goes on."""
        if len(self.order):
            return False
        self.order = torch.randperm(len(self.split), generator=self.generator)
        return True

    def rest_of_epoch(self) -> Iterator[Batch]:
        """The batches from the position on. The position moves when the next batch is asked for."""
        while self.position < self.per_epoch:
            start = self.position * self.batch_size
            yield take(self.split, self.order[start : start + self.batch_size], self.device)
            self.position += 1
        self.order, self.position = torch.empty(0, dtype=torch.int64), 0

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self.generator.get_state(), "order": self.order, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.set_state(state["generator"].cpu())
        self.order, self.position = state["order"].cpu(), int(state["position"])


def take(split: Split, indices: Tensor, device: torch.device) -> Batch:
    """The samples at these indices, on the device."""
    here = indices.to(split.labels.device)
    inputs = {m: tensor.index_select(0, here).to(device, non_blocking=True) for m, tensor in split.inputs.items()}
    return Batch(inputs, split.labels.index_select(0, here).to(device, non_blocking=True))


def in_order(split: Split, batch_size: int, device: torch.device) -> Iterator[Batch]:
    """The whole split in its own order, for evaluation."""
    for indices in torch.split(torch.arange(len(split)), batch_size):
        yield take(split, indices, device)


def to_device(split: Split, device: torch.device) -> Split:
    """The split on the device where it fits easily, otherwise as it is."""
    if device.type != "cuda":
        return split
    size = sum(tensor.numel() * tensor.element_size() for tensor in split.inputs.values())
    free, _ = torch.cuda.mem_get_info(device)
    if size > RESIDENT_SHARE * free:
        return split
    return Split({m: tensor.to(device) for m, tensor in split.inputs.items()}, split.labels.to(device))
