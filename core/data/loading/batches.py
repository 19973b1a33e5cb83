"""Batches of a split: shuffled for training from a position that can be saved, or in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Generator, Tensor

from asgml.core.data.base import Split
from asgml.core.data.loading.worker_loading import read_batches
from asgml.core.seeds import seed_for
from asgml.core.types import PLAIN, Batch, Criterion


class Batches:
    """Shuffled batches of a split, epoch after epoch.

    Augmentation has a generator of its own for every batch, made from the epoch's key and the
    batch's position. So a batch is the same whatever was read before it, by any number of
    processes. Each batch carries the criterion that it is trained by.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        device: torch.device,
        seed: int,
        criterion: Criterion = PLAIN,
    ) -> None:
        self.split = split
        self.batch_size = batch_size
        self.device = device
        self.criterion = criterion
        self.generator = torch.Generator().manual_seed(seed)
        self.keys = torch.Generator().manual_seed(seed_for("augmentation", seed))
        self.key = 0
        self.order = torch.empty(0, dtype=torch.int64)
        self.position = 0

    @staticmethod
    def count(samples: int, batch_size: int) -> int:
        """Return the batches in an epoch."""
        full, rest = divmod(samples, batch_size)
        return full + (rest > 1)  # batch norm cannot take a last batch of a single sample

    @property
    def per_epoch(self) -> int:
        return self.count(len(self.split), self.batch_size)

    def begin_epoch(self) -> bool:
        """Draw a new order. Return False where an order restored in mid-epoch goes on instead."""
        if len(self.order):
            return False
        self.order = torch.randperm(len(self.split), generator=self.generator)
        self.key = int(torch.randint(2**62, (), generator=self.keys))
        return True

    def rest_of_epoch(self) -> Iterator[Batch]:
        """Yield the batches from the position on, which moves when the next batch is asked for."""
        size = self.batch_size
        positions = range(self.position, self.per_epoch)
        orders = [self.order[number * size : (number + 1) * size] for number in positions]
        fetched = fetch_stored(self.split, orders, self.device)
        for position, indices, stored in zip(positions, orders, fetched, strict=True):
            augmentation = Generator().manual_seed(self.key + position)
            batch = make_batch(self.split, indices, stored, self.device, augmentation)
            yield replace(batch, criterion=self.criterion)
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
        if "keys" in state:  # older checkpoints have none
            self.keys.set_state(state["keys"].cpu())
            self.key = int(state["key"])


def take(split: Split, indices: Tensor, device: torch.device) -> Batch:
    """Return the samples at these indices, on the device, as evaluation sees them."""
    return next(batches_at(split, [indices], device))


def in_order(split: Split, batch_size: int, device: torch.device) -> Iterator[Batch]:
    """Yield the whole split in its own order, as evaluation sees it."""
    return batches_at(split, torch.split(torch.arange(len(split)), batch_size), device)


def batches_at(split: Split, batches: Sequence[Tensor], device: torch.device) -> Iterator[Batch]:
    """Yield the batch at each of these indices, as evaluation sees it."""
    for indices, stored in zip(batches, fetch_stored(split, batches, device), strict=True):
        yield make_batch(split, indices, stored, device, None)


def fetch_stored(
    split: Split, batches: Sequence[Tensor], device: torch.device
) -> Iterator[dict[str, Tensor]]:
    """Yield the samples at each batch's indices as they are stored, on the device."""
    if split.rows is not None:
        for stored in read_batches(split.rows, batches, pin=device.type == "cuda"):
            yield {m: tensor.to(device, non_blocking=True) for m, tensor in stored.items()}
        return
    for indices in batches:
        local = indices.to(split.labels.device)
        yield {
            m: tensor.index_select(0, local).to(device, non_blocking=True)
            for m, tensor in split.inputs.items()
        }


def make_batch(
    split: Split,
    indices: Tensor,
    stored: dict[str, Tensor],
    device: torch.device,
    augmentation: Generator | None,
) -> Batch:
    """Return a batch as the networks see it, through the view of each modality that has one.

    With a generator for the augmentation it is a batch of training.
    """
    inputs = {
        m: split.views[m](tensor, augmentation) if m in split.views else tensor
        for m, tensor in stored.items()
    }
    labels = split.labels.index_select(0, indices.to(split.labels.device))
    targets = split.targets
    if targets is not None:
        targets = targets.index_select(0, indices.to(targets.device)).to(device, non_blocking=True)
    return Batch(inputs, labels.to(device, non_blocking=True), targets)
