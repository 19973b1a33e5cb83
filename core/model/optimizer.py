"""The optimizer of a run, and its stepped learning rate."""

from __future__ import annotations

import torch

from asgml.core.config.config import RunSettings
from asgml.core.model.model import MultimodalModel


def make_optimizer(config: RunSettings, model: MultimodalModel) -> torch.optim.Optimizer:
    """One parameter group for each encoder, under its modality's name, and one for the rest; their updates are the same.

    `momentum` is SGD's, or the first beta of Adam and AdamW.
    """
    settings = config.optimizer
    encoders = [
        {"params": list(encoder.parameters()), "modality": m}
        for m, encoder in model.encoders.items()
    ]
    groups = [*encoders, {"params": list(model.fusion.parameters()), "modality": ""}]
    if settings.name == "sgd":
        return torch.optim.SGD(
            groups, lr=settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay
        )
    kind = torch.optim.Adam if settings.name == "adam" else torch.optim.AdamW
    return kind(
        groups, lr=settings.lr, betas=(settings.momentum, 0.999), weight_decay=settings.weight_decay
    )


def lr_at(epoch: int, lr: float, decay_every: int, decay: float) -> float:
    """The stepped learning rate (torch's StepLR in closed form), so that `lr` can be turned at any time."""
    return lr * decay ** (epoch // decay_every)
