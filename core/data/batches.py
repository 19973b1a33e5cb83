"""Batches: the training split in a random order of its own generator, at a position that can be saved and gone back to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from asgml.core.data.base import Split
from asgml.core.data.worker_loading import read_batches
from asgml.core.seeds import seed_for
from asgml.core.types import Batch


class Batches:
    """Shuffled batches, epoch after epoch. A last batch of a single sample is left out: batch norm cannot take it.

    Augmentation has a generator of its own for every batch, made from the epoch's key and the batch's position. So a batch is
    the same whatever was read before it, by however many processes.
    """

    def __init__(self, split: Split, batch_size: int, device: torch.device, seed: int) -> None:
        self.split = split
        self.batch_size = batch_size
        self.device = device
        self.generator = torch.Generator().manual_seed(seed)
        self.keys = torch.Generator().manual_seed(seed_for("augmentation", seed))
        self.key = 0
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
        self.key = int(torch.randint(2**62, (), generator=self.keys))
        return True

    def rest_of_epoch(self) -> Iterator[Batch]:
        """The batches from the position on. The position moves when the next batch is asked for."""
        positions = range(self.position, self.per_epoch)
        chosen = [self.order[at * self.batch_size : (at + 1) * self.batch_size] for at in positions]
        for position, indices, stored in zip(
            positions, chosen, fetch_stored(self.split, chosen, self.device), strict=True
        ):
            yield make_batch(
                self.split,
                indices,
                stored,
                self.device,
                Generator().manual_seed(self.key + position),
            )
            self.position = position + 1
        self.order, self.position = torch.empty(0, dtype=torch.int64), 0

    def state_dict(self) -> dict[str, Any]:
        return {
            "generator": self.generator.get_state(),
            "order": self.order,
            "position": self.position,
            "keys": self.keys.get_state(),
            "key": self.key,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.set_state(state["generator"].cpu())
        self.order, self.position = state["order"].cpu(), int(state["position"])
        if "keys" in state:  # checkpoints from before there was augmentation have none
            self.keys.set_state(state["keys"].cpu())
            self.key = int(state["key"])


def fetch_stored(
    split: Split, chosen: Sequence[Tensor], device: torch.device
) -> Iterator[dict[str, Tensor]]:
    """The samples at each of these indices in turn, as they are stored, on the device."""
    if split.rows is not None:
        for stored in read_batches(split.rows, chosen, pin=device.type == "cuda"):
            yield {m: tensor.to(device, non_blocking=True) for m, tensor in stored.items()}
        return
    for indices in chosen:
        here = indices.to(split.labels.device)
        yield {
            m: tensor.index_select(0, here).to(device, non_blocking=True)
            for m, tensor in split.inputs.items()
        }


def make_batch(
    split: Split,
    indices: Tensor,
    stored: dict[str, Tensor],
    device: torch.device,
    generator: Generator | None,
) -> Batch:
    """A batch as the networks see it: batches_at the view of each modality that has one, in training with a generator."""
    inputs = {
        m: split.views[m](tensor, generator) if m in split.views else tensor
        for m, tensor in stored.items()
    }
    labels = split.labels.index_select(0, indices.to(split.labels.device))
    targets = split.targets
    if targets is not None:
        targets = targets.index_select(0, indices.to(targets.device)).to(device, non_blocking=True)
    return Batch(inputs, labels.to(device, non_blocking=True), targets)


def take(split: Split, indices: Tensor, device: torch.device) -> Batch:
    """The samples at these indices, on the device, as evaluation sees them."""
    return next(batches_at(split, [indices], device))


def in_order(split: Split, batch_size: int, device: torch.device) -> Iterator[Batch]:
    """The whole split in its own order, for evaluation."""
    return batches_at(split, torch.split(torch.arange(len(split)), batch_size), device)


def batches_at(split: Split, chosen: Sequence[Tensor], device: torch.device) -> Iterator[Batch]:
    """A batch for each of these indices in turn, as evaluation sees it."""
    for indices, stored in zip(chosen, fetch_stored(split, chosen, device), strict=True):
        yield make_batch(split, indices, stored, device, None)
