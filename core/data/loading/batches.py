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
from asgml.core.types import PLAIN, Batch, Criterion, Repeats


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
        self.repeats: Repeats | None = None
        self.position = 0

    @staticmethod
    def count(samples: int, batch_size: int) -> int:
        """Return the batches in an epoch."""
        full, rest = divmod(samples, batch_size)
        return full + (rest > 1)  # batch norm cannot take a last batch of a single sample

    @property
    def per_epoch(self) -> int:
        """Batches of the present epoch."""
        return self.count(self.samples, self.batch_size)

    @property
    def samples(self) -> int:
        """Samples of the present epoch, those that are shown once more among them."""
        more = 0 if self.repeats is None else len(self.repeats.samples)
        return len(self.split) + more

    @property
    def in_epoch(self) -> bool:
        """True between the beginning of an epoch and its end, also in a resumed run."""
        return len(self.order) > 0

    def begin_epoch(self, repeats: Repeats | None = None) -> bool:
        """Draw a new order of the split and of what is shown once more.

        Return False where an order restored in mid-epoch goes on instead.
        """
        if self.in_epoch:
            return False
        self.repeats = repeats
        self.order = torch.randperm(self.samples, generator=self.generator)
        self.key = int(torch.randint(2**62, (), generator=self.keys))
        return True

    def rest_of_epoch(self) -> Iterator[Batch]:
        """Yield the batches from the position on, which moves when the next batch is asked for."""
        size = self.batch_size
        positions = range(self.position, self.per_epoch)
        orders = [self.order[number * size : (number + 1) * size] for number in positions]
        chosen = [self._samples_at(order) for order in orders]
        fetched = fetch_stored(self.split, chosen, self.device)
        for position, order, indices, stored in zip(
            positions, orders, chosen, fetched, strict=True
        ):
            augmentation = Generator().manual_seed(self.key + position)
            batch = make_batch(self.split, indices, stored, self.device, augmentation)
            present = None if self.repeats is None else self._masks_at(order)
            yield replace(batch, criterion=self.criterion, present=present)
            self.position = position + 1
        self.order, self.position = torch.empty(0, dtype=torch.int64), 0

    def _samples_at(self, order: Tensor) -> Tensor:
        """Return the samples of the split at some places of the order."""
        if self.repeats is None:
            return order
        return torch.cat([torch.arange(len(self.split)), self.repeats.samples])[order]

    def _masks_at(self, order: Tensor) -> dict[str, Tensor]:
        """Return for some places of the order which modalities are not masked, {m: (B,)}."""
        assert self.repeats is not None
        whole = torch.ones(len(self.split), dtype=torch.bool)
        return {
            m: torch.cat([whole, mask])[order].to(self.device)
            for m, mask in self.repeats.present.items()
        }

    def state_dict(self) -> dict[str, Any]:
        return {
            "generator": self.generator.get_state(),
            "order": self.order,
            "position": self.position,
            "keys": self.keys.get_state(),
            "key": self.key,
            "repeats": None if self.repeats is None else dict(vars(self.repeats)),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.set_state(state["generator"].cpu())
        self.order, self.position = state["order"].cpu(), int(state["position"])
        if "keys" in state:  # older checkpoints have none
            self.keys.set_state(state["keys"].cpu())
            self.key = int(state["key"])
        if repeats := state.get("repeats"):
            masks = {m: mask.cpu() for m, mask in repeats["present"].items()}
            self.repeats = Repeats(repeats["samples"].cpu(), masks)


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
