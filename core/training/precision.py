"""Precision of the forward pass. Losses, gradients, methods and weights are always in float32.

    off    float32
    bf16   bfloat16 in the forward pass: the range of float32, three digits
    fp16   float16 in the forward pass. Its range is small, so the loss is scaled up before
           backward and the gradients down after it; a step whose gradients overflowed is
           skipped, and the scale halved (torch.amp.GradScaler)

Evaluation is always in float32.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from asgml.core.types import Forward


class Precision:
    """float32: nothing is cast, scaled or skipped."""

    judges_gradients = False
    """Gradients that are not finite are answered by another scale of the loss."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of the forward pass."""
        return nullcontext()

    def scaled(self, loss: Tensor) -> Tensor:
        """Return the loss that backward is called on."""
        return loss

    def unscale(self, optimizer: torch.optim.Optimizer) -> bool:
        """Undo the scale of the loss in the gradients; return False where they overflowed."""
        return True

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a `state_dict`."""


class BFloat16(Precision):
    """Mixed precision without scaling."""

    dtype = torch.bfloat16

    def autocast(self) -> AbstractContextManager[Any]:
        # no cache: of a weight that a method first reads without gradients, autocast would keep a
        # copy without a graph, and the forward pass would give that weight no gradient
        return torch.autocast(self.device.type, self.dtype, cache_enabled=False)


class Float16(BFloat16):
    """Mixed precision with a scaled loss."""

    judges_gradients = True
    dtype = torch.float16

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.scaler = torch.amp.GradScaler(device.type)

    def scaled(self, loss: Tensor) -> Tensor:
        scaled: Tensor = self.scaler.scale(loss)
        return scaled

    def unscale(self, optimizer: torch.optim.Optimizer) -> bool:
        self.scaler.unscale_(optimizer)
        gradients = [
            p.grad
            for group in optimizer.param_groups
            for p in group["params"]
            if p.grad is not None
        ]
        largest = torch.stack(torch._foreach_norm(gradients, float("inf")))
        return bool(largest.isfinite().all())

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Take a step, unless `unscale` found an overflow; adapt the scale either way."""
        self.scaler.step(optimizer)
        self.scaler.update()

    def state_dict(self) -> dict[str, Any]:
        return dict(self.scaler.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scaler.load_state_dict(state)


PRECISIONS: dict[str, type[Precision]] = {"off": Precision, "bf16": BFloat16, "fp16": Float16}


def in_float32(forward: Forward) -> Forward:
    """Return the forward in float32, on the same graph; tensors that are float32 stay the same."""
    features = {m: feature.float() for m, feature in forward.features.items()}
    unimodal = {m: logits.float() for m, logits in forward.unimodal_logits.items()}
    return Forward(forward.batch, features, forward.logits.float(), unimodal, forward.labels)
