"""Splits that move into the memory of a GPU once, where they easily fit."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from asgml.core.data.base import Rows, Split

RESIDENT_SHARE = 0.25  # of the free memory, that a split may take at most
BLOCK = 256  # samples that are copied to the GPU together


def to_device(split: Split, device: torch.device) -> Split:
    """Return the split on the GPU where it fits easily, otherwise as it is.

    A split that is decoded from files stays where it is.
    """
    if device.type != "cuda":
        return split
    free, _ = torch.cuda.mem_get_info(device)
    return move_split(split, device) if fits(stored_bytes(split), free) else split


def fits(size: int | None, free: int) -> bool:
    return size is not None and size <= RESIDENT_SHARE * free


def stored_bytes(split: Split) -> int | None:
    """Return the bytes of the samples as stored, None where reading them decodes files."""
    if split.rows is not None:
        return split.rows.nbytes
    return sum(tensor.numel() * tensor.element_size() for tensor in split.inputs.values())


def move_split(split: Split, device: torch.device) -> Split:
    """Return the split in the memory of the device, where its views then work too."""
    if split.rows is None:
        inputs = {m: tensor.to(device) for m, tensor in split.inputs.items()}
    else:
        inputs = read_all(split.rows, device)
    targets = None if split.targets is None else split.targets.to(device)
    return replace(split, inputs=inputs, rows=None, labels=split.labels.to(device), targets=targets)


def read_all(rows: Rows, device: torch.device) -> dict[str, Tensor]:
    """Return all samples on the device, with no more than a block of them in the host's memory."""
    inputs: dict[str, Tensor] = {}
    for start in range(0, len(rows), BLOCK):
        numbers = range(start, min(start + BLOCK, len(rows)))
        for m, block in rows.read(numbers).items():
            if m not in inputs:
                shape = (len(rows), *block.shape[1:])
                inputs[m] = torch.empty(shape, dtype=block.dtype, device=device)
            inputs[m][start : start + len(block)].copy_(block)
    return inputs
