"""Are numbers finite: of tensors, of nested states, of a model with its optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Return True where no number in any tensor is NaN or infinite. Waits for the device."""
    # the largest number of each: one kernel for all tensors of a device
    by_device: dict[torch.device, list[Tensor]] = {}
    for tensor in tensors:
        if tensor.is_floating_point() and tensor.numel():
            by_device.setdefault(tensor.device, []).append(tensor.detach())
    return all(
        bool(torch.stack([norm.double() for norm in _largest(group)]).isfinite().all())
        for group in by_device.values()
    )


def tensors_in(state: Any) -> Iterator[Tensor]:
    """Yield every tensor of nested mappings, lists and tuples."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, Mapping):
        for value in state.values():
            yield from tensors_in(value)
    elif isinstance(state, list | tuple):
        for value in state:
            yield from tensors_in(value)


def _largest(tensors: list[Tensor]) -> tuple[Tensor, ...]:
    found: tuple[Tensor, ...] = torch._foreach_norm(tensors, float("inf"))
    return found
