"""The update: from a batch to an optimizer step, by micro-batches, precision and clipping.

    batch -> micro-batches, each back-propagated with its share of the loss
          -> unscale -> modulate -> clip -> step

`batch_size` samples make one step however many micro-batches they are taken in. Without batch norm,
which sees micro-batches, the gradients are the same; a method is shown the whole batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from asgml.core.config.live_settings import LiveSettings
from asgml.core.measures.criterion import mass_of
from asgml.core.measures.gradients import clip
from asgml.core.model.model import MultimodalModel
from asgml.core.training.precision import Precision
from asgml.core.types import Batch, Forward, Mix, Scalar


@dataclass
class MicroBatch:
    """A part of a batch, its share of the loss, and the features once they are encoded."""

    batch: Batch
    share: Scalar
    features: Mapping[str, Tensor] | None = None

    def encode(self, model: MultimodalModel) -> Mapping[str, Tensor]:
        """Return the features of each modality, {m: (B, D)}; the encoders run on the first call."""
        if self.features is None:
            self.features = model.encode_batch(self.batch)
        return self.features


@dataclass(frozen=True)
class MicroBatchResult:
    """Forward and losses of a micro-batch. Losses carry its share, so they sum to the batch's."""

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

    def split(self, batch: Batch) -> list[MicroBatch]:
        """Return the micro-batches of a batch."""
        return [MicroBatch(part, share) for part, share in micro_batches(batch, self.count)]

    def begin(self) -> None:
        """Clear the gradients."""
        # None, not 0: what gets no gradient in this step stays out of norms, clip and update
        self.optimizer.zero_grad(set_to_none=True)

    def scale_loss(self, share: Scalar, loss: Tensor) -> Tensor:
        """Return the loss that backward is called on: a micro-batch's share, scaled for fp16."""
        return self.precision.scaled(share * loss)

    def grads_finite(self) -> bool:
        """Unscale the gradients; discard them, and the step, where they overflowed."""
        finite = self.precision.unscale(self.optimizer)
        if not finite:
            self.skipped += 1
            self.optimizer.zero_grad(set_to_none=True)
        return finite

    def judged_gradients(self) -> list[Tensor]:
        """Return the gradients that have to be finite; none with fp16, which judges its own."""
        return [] if self.precision.judges_gradients else self._gradients()

    def _gradients(self) -> list[Tensor]:
        parameters = (p for group in self.optimizer.param_groups for p in group["params"])
        return [p.grad for p in parameters if p.grad is not None]

    def leave_out(self) -> dict[str, Scalar]:
        """Take no step; return the columns of `finish`."""
        self.skipped += 1
        self.begin()
        return {"clip_factor": 1.0, "skipped_steps": self.skipped}

    def finish(self, limit: Scalar | None = None) -> dict[str, Scalar]:
        """Clip and take the step; return its columns of the table `steps`.

        `limit` is the norm that a method asks to clip to, before optimizer.clip.
        """
        gradients = self._gradients()
        factor = clip(gradients, limit) if limit is not None else 1.0
        factor = factor * clip(gradients, float(self.live_settings.values["optimizer.clip"]))
        self.precision.step(self.optimizer)
        return {"clip_factor": factor, "skipped_steps": self.skipped}

    def state_dict(self) -> dict[str, Any]:
        return {"precision": self.precision.state_dict(), "skipped": self.skipped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.precision.load_state_dict(state["precision"])
        self.skipped = int(state["skipped"])


def micro_batches(batch: Batch, count: int) -> list[tuple[Batch, Scalar]]:
    """Split a batch into micro-batches of nearly the same size, with their shares of its loss.

    A share is that of the samples, with class weights that of the samples' weights, so that the
    parts of the loss sum to the whole one. Fewer than `count` where one would get a single sample,
    which batch norm cannot take.
    """
    samples = len(batch.labels)
    count = max(1, min(count, samples // 2))
    if count == 1:
        return [(batch, 1.0)]
    inputs = {m: tensor.tensor_split(count) for m, tensor in batch.inputs.items()}
    labels = batch.labels.tensor_split(count)
    targets = [None] * count if batch.targets is None else batch.targets.tensor_split(count)
    mixes, present = _split_mix(batch.mix, count), _split_masks(batch.present, count)
    parts = [
        replace(
            batch,
            inputs={m: pieces[i] for m, pieces in inputs.items()},
            labels=own,
            targets=targets[i],
            mix=mixes[i],
            present=present[i],
        )
        for i, own in enumerate(labels)
    ]
    whole = mass_of(batch)
    return [(part, mass_of(part) / whole) for part in parts]


def _split_mix(mix: Mix | None, count: int) -> Sequence[Mix | None]:
    if mix is None:
        return [None] * count
    return [replace(mix, labels=labels) for labels in mix.labels.tensor_split(count)]


def _split_masks(
    present: Mapping[str, Tensor] | None, count: int
) -> list[dict[str, Tensor]] | list[None]:
    if present is None:
        return [None] * count
    pieces = {m: mask.tensor_split(count) for m, mask in present.items()}
    return [{m: parts[i] for m, parts in pieces.items()} for i in range(count)]


def merge_micro_batches(
    batch: Batch, results: Sequence[MicroBatchResult]
) -> tuple[Forward, Tensor, Tensor]:
    """Return forward, loss and task loss of the whole batch; without a graph if it was split."""
    if len(results) == 1:
        return results[0].forward, results[0].loss, results[0].task_loss
    # detached: the graph of each micro-batch was freed by its own backward
    forwards = [result.forward for result in results]
    whole = Forward(
        batch,
        _concatenate([forward.features for forward in forwards]),
        torch.cat([forward.logits.detach() for forward in forwards]),
        _concatenate([forward.unimodal_logits for forward in forwards]),
        torch.cat([forward.labels for forward in forwards]),
    )
    loss = torch.stack([result.loss for result in results]).sum()
    task_loss = torch.stack([result.task_loss for result in results]).sum()
    return whole, loss, task_loss


def _concatenate(tensors: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Concatenate the tensors of each modality, without their graph."""
    return {m: torch.cat([each[m].detach() for each in tensors]) for m in tensors[0]}
