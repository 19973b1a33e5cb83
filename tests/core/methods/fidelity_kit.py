"""Whole trainings by independent transcriptions: plain torch, none of this program's methods.

A transcription is written from a method's published formula and schedule alone. It starts from the
same weights, takes the same batches with the same optimizer, and its final weights are compared
with those of the program, tensor by tensor.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from core_kit import make_trainer, small_config, small_data
from torch import Tensor
from torch.nn.functional import cross_entropy

from asgml.core.data.base import Dataset
from asgml.core.training.trainer import Trainer
from asgml.core.types import Batch

Record = Callable[[str, object], None]


class Transcription:
    """Plain joint training; a method overrides what it changes.

    `trainer` is the program's, at its beginning here and at its end in `train`: initial weights,
    seeds and the probes' recorded readings are taken from it, nothing that a method computes.
    """

    def __init__(self, trainer: Trainer, options: Mapping[str, Any]) -> None:
        model = copy.deepcopy(trainer.components.model)
        self.model, self.options = model, options
        self.names = list(model.modalities)
        self.encoders = model.encoders
        joint = getattr(model.fusion, "fusion", model.fusion)
        self.head, self.heads = joint.classifier, getattr(model.fusion, "heads", None)
        self.trainer = trainer
        self.data: Dataset = trainer.components.data
        settings = trainer.config.optimizer
        self.lr, self.momentum, self.decay = settings.lr, settings.momentum, settings.weight_decay
        self.buffers: dict[Tensor, Tensor] = {}
        self.epoch = self.steps = 0

    # -- the published training, step by step --------------------------------------------

    def begin_epoch(self) -> None: ...

    def end_epoch(self) -> None: ...

    def step(self, batch: Batch) -> None:
        h = {m: self.encoders[m](batch.inputs[m]) for m in self.names}
        h, y = self.fed(h, batch.labels)
        z = self.head(torch.cat([h[m] for m in self.names], dim=1))
        for parameter in self.model.parameters():
            parameter.grad = None
        self.loss(h, z, y).backward()
        with torch.no_grad():
            self.modulate(h, y)
            self.descend()
        self.steps += 1

    def fed(self, h: dict[str, Tensor], y: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        return h, y

    def loss(self, h: dict[str, Tensor], z: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(z, y)

    def modulate(self, h: dict[str, Tensor], y: Tensor) -> None: ...

    def train(self, batches: Sequence[tuple[int, Batch]], epochs: int) -> None:
        """Take the batches, each given with its epoch."""
        for self.epoch in range(epochs):
            self.begin_epoch()
            for epoch, batch in batches:
                if epoch == self.epoch:
                    self.step(batch)
            self.end_epoch()

    # -- what several methods use ---------------------------------------------------------

    def apart(self, h: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the logits of each modality's own head."""
        assert self.heads is not None
        return {m: head(h[m]) for m, head in zip(self.names, self.heads, strict=True)}

    def split(self, h: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return W_m h_m + b / M for each modality."""
        found, start = {}, 0
        for m in self.names:
            block = self.head.weight[:, start : start + h[m].shape[1]]
            found[m] = h[m] @ block.T + self.head.bias / len(self.names)
            start += h[m].shape[1]
        return found

    def scores(self, logits: dict[str, Tensor], y: Tensor) -> dict[str, float]:
        """Return the summed probabilities of the true classes."""
        return {m: sum(row.softmax(0)[k].item() for row, k in zip(z, y, strict=True))
                for m, z in logits.items()}  # fmt: skip

    def ratio(self, s: dict[str, float], m: str) -> float:
        """Return the mean over the others of s_m / s_j."""
        others = [s[m] / s[j] for j in self.names if j != m]
        return sum(others) / len(others)

    def kernels(self, m: str) -> list[Tensor]:
        """Return the convolution kernels, or the matrices of an encoder without any."""
        convolutions = [p for p in self.encoders[m].parameters() if p.dim() == 4]
        return convolutions or [p for p in self.encoders[m].parameters() if p.dim() >= 2]

    def scale(self, parameters: list[Tensor], factor: float) -> None:
        for parameter in parameters:
            assert parameter.grad is not None
            parameter.grad = parameter.grad * factor

    def rate(self, m: str) -> float:
        return self.lr

    def descend(self) -> None:
        """Take SGD's step: v <- mu v + g + lambda theta, theta <- theta - lr v."""
        rates = {p: self.rate(m) for m in self.names for p in self.encoders[m].parameters()}
        for parameter in self.model.parameters():
            if parameter.grad is None:
                continue
            total = parameter.grad + self.decay * parameter
            if parameter in self.buffers:
                total = total + self.momentum * self.buffers[parameter]
            self.buffers[parameter] = total
            parameter -= rates.get(parameter, self.lr) * total


def differences(
    transcription: type[Transcription],
    folder: Path,
    *,
    method: str,
    names: tuple[str, ...] = ("audio", "visual"),
    epochs: int = 3,
    options: Mapping[str, Any] | None = None,
    **sections: Any,
) -> tuple[float, float]:
    """Train by the program and by the transcription; return how far their final weights differ.

    The second number is how far the program's differ from those of plain joint training, without
    which the first would say nothing. Both are in units of the largest change of any weight.
    """
    given = {method: dict(options)} if options else {}
    config = small_config(method=method, epochs=epochs, **given, **sections)
    trainer = make_trainer(folder / "ours", small_data(names), config)
    settings = {**config.section(method), **(options or {})}
    theirs, plain = transcription(trainer, settings), Transcription(trainer, settings)
    first = [p.detach().clone() for p in plain.model.parameters()]
    batches: list[tuple[int, Batch]] = []
    own_step = trainer.step

    def watched(batch: Batch) -> Any:
        batches.append((trainer.run.epoch, batch))
        return own_step(batch)

    trainer.step = watched  # type: ignore[method-assign]
    trainer.run.close(trainer.train())
    for each in (theirs, plain):
        each.train(batches, epochs)
    ours = list(trainer.components.model.parameters())
    moved = distance(ours, first)
    return (
        distance(ours, list(theirs.model.parameters())) / moved,
        distance(ours, list(plain.model.parameters())) / moved,
    )


@torch.no_grad()
def distance(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Return the largest difference of any element."""
    return max(float((p - q).abs().max()) for p, q in zip(ours, theirs, strict=True))
