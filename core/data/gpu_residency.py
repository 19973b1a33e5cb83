"""Splits that move into the memory of a GPU once and for all."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from asgml.core.data.base import Rows, Split

RESIDENT_SHARE = 0.25
"""A split moves to the GPU once and for all where it takes no more than this share of the free memory."""


BLOCK = 256  # samples that are copied to the GPU together


def to_device(split: Split, device: torch.device) -> Split:
    """The split on the device where it fits easily, otherwise as it is. One that is decoded from files stays where it is."""
    if device.type != "cuda":
        return split
    free, _ = torch.cuda.mem_get_info(device)
    return move_split(split, device) if fits(stored_bytes(split), free) else split


def fits(size: int | None, free: int) -> bool:
    return size is not None and size <= RESIDENT_SHARE * free


def stored_bytes(split: Split) -> int | None:
    """What the samples take as they are stored; None where they are decoded whenever they are read."""
    if split.rows is not None:
        return split.rows.nbytes
    return sum(tensor.numel() * tensor.element_size() for tensor in split.inputs.values())


def move_split(split: Split, device: torch.device) -> Split:
    """The split in the memory of the device; its views go on to work there."""
    read = (
        {m: tensor.to(device) for m, tensor in split.inputs.items()}
        if split.rows is None
        else read_all(split.rows, device)
    )
    targets = None if split.targets is None else split.targets.to(device)
    return replace(split, inputs=read, rows=None, labels=split.labels.to(device), targets=targets)


def read_all(rows: Rows, device: torch.device) -> dict[str, Tensor]:
    """All samples on the device, block by block: at no time is there more than a block of them in the host's memory."""
    read: dict[str, Tensor] = {}
    for start in range(0, len(rows), BLOCK):
        numbers = range(start, min(start + BLOCK, len(rows)))
        for m, part in rows.read(numbers).items():
            if m not in read:
                read[m] = torch.empty((len(rows), *part.shape[1:]), dtype=part.dtype, device=device)
            read[m][start : start + len(part)].copy_(part)
    return read
