"""The update: how a batch's gradients come about and become a step. In how many passes, in which precision, clipped or not.

    batch -> micro-batches, each back-propagated with its share of the samples -> unscale -> modulate -> clip -> step

`batch_size` samples make one step however many micro-batches they are taken in. Without batch norm (which sees
micro-batches) the gradients are the same; a method is shown the features and logits of the whole batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from asgml.core.config.live_settings import LiveSettings
from asgml.core.measures.gradients import clip
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.composition import Composed
from asgml.core.modulators.window import Windowed
from asgml.core.training.precision import PRECISIONS, Precision
from asgml.core.types import Batch, Forward, Scalar


@dataclass(frozen=True)
class Pass:
    """One micro-batch, forward and back. Its losses are scale_loss by its share of the batch, so they add up to the batch's."""

    forward: Forward
    loss: Tensor
    task_loss: Tensor


class Update:
    """From a batch to an optimizer step. `count` is the number of micro-batches."""

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        precision: Precision,
        live_settings: LiveSettings,
        count: int,
    ) -> None:
        self.optimizer = optimizer
        self.precision = precision
        self.live_settings = live_settings
        self.count = count
        self.skipped = 0

    def begin(self, batch: Batch) -> list[tuple[Batch, float]]:
        """Forgets the last gradients; the micro-batches of this step, each with its share of the samples."""
        self.optimizer.zero_grad(set_to_none=True)
        return micro_batches(batch, self.count)

    def scale_loss(self, share: float, loss: Tensor) -> Tensor:
        """What backward is called on: a micro-batch's share of a loss, scaled for its precision."""
        return self.precision.scaled(share * loss)

    def grads_finite(self) -> bool:
        """Whether the gradients can be used. Those that overflowed are thrown away, and the step with them."""
        sound = self.precision.unscale(self.optimizer)
        if not sound:
            self.skipped += 1
            self.optimizer.zero_grad(set_to_none=True)
        return sound

    def finish(self) -> dict[str, Scalar]:
        """Clips and takes the step; what to record of it."""
        gradients = [
            p.grad
            for group in self.optimizer.param_groups
            for p in group["params"]
            if p.grad is not None
        ]
        factor = clip(gradients, float(self.live_settings.values["optimizer.clip"]))
        self.precision.step(self.optimizer)
        return {"clip_factor": factor, "skipped_steps": self.skipped}

    def state_dict(self) -> dict[str, Any]:
        return {"precision": self.precision.state_dict(), "skipped": self.skipped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.precision.load_state_dict(state["precision"])
        self.skipped = int(state["skipped"])


def make_update(
    optimizer: torch.optim.Optimizer,
    modulator: Composed,
    live_settings: LiveSettings,
    device: torch.device,
    *,
    amp: str,
    accumulate: int,
) -> Update:
    """The update that a configuration asks for. Raises MethodError where a method cannot work with it."""
    refuse_unfit(modulator, amp, accumulate)
    return Update(optimizer, PRECISIONS[amp](device), live_settings, accumulate)


def refuse_unfit(modulator: Composed, amp: str, accumulate: int) -> None:
    """Some methods need the whole batch in one graph, or gradients that no scale has been put on."""
    for name, part in modulator.members.items():
        kind = type(part.inner if isinstance(part, Windowed) else part)
        asks_graph, feeds = (
            kind.before_backward is not Modulator.before_backward,
            kind.before_fusion is not Modulator.before_fusion,
        )
        if accumulate > 1 and asks_graph:
            raise MethodError(
                f"{name} needs the graph of the whole batch, optimizer.accumulate={accumulate} parts it; use accumulate=1"
            )
        if accumulate > 1 and feeds:
            raise MethodError(
                f"{name} changes what the fusion is fed by the whole batch, optimizer.accumulate={accumulate} parts it; use 1"
            )
        if amp == "fp16" and asks_graph:
            raise MethodError(
                f"{name} takes gradients of its own, which amp=fp16 would have to scale; use amp=bf16 or off"
            )


def micro_batches(batch: Batch, count: int) -> list[tuple[Batch, float]]:
    """Components of nearly the same size, with their shares. Never of a single sample, which batch norm cannot take: then fewer."""
    samples = len(batch.labels)
    parts = max(1, min(count, samples // 2))
    if parts == 1:
        return [(batch, 1.0)]
    inputs = {m: tensor.tensor_split(parts) for m, tensor in batch.inputs.items()}
    labels = batch.labels.tensor_split(parts)
    targets = [None] * parts if batch.targets is None else batch.targets.tensor_split(parts)
    return [
        (Batch({m: pieces[i] for m, pieces in inputs.items()}, own, targets[i]), len(own) / samples)
        for i, own in enumerate(labels)
    ]


def merge_micro_batches(batch: Batch, passes: Sequence[Pass]) -> tuple[Forward, Tensor, Tensor]:
    """What the whole batch was made of, without the graph where it was more than one; its loss and its task loss."""
    if len(passes) == 1:
        return passes[0].forward, passes[0].loss, passes[0].task_loss
    forwards = [one.forward for one in passes]
    whole = Forward(
        batch,
        {
            m: torch.cat([forward.features[m].detach() for forward in forwards])
            for m in forwards[0].features
        },
        torch.cat([forward.logits.detach() for forward in forwards]),
        {
            m: torch.cat([forward.unimodal_logits[m].detach() for forward in forwards])
            for m in forwards[0].unimodal_logits
        },
        torch.cat([forward.labels for forward in forwards]),
    )
    return (
        whole,
        torch.stack([one.loss for one in passes]).sum(),
        torch.stack([one.task_loss for one in passes]).sum(),
    )
