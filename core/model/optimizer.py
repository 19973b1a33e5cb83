"""The optimizer of a run, with a parameter group for each encoder and one for the fusion."""

from __future__ import annotations

import torch

from asgml.core.config.run_settings import RunSettings
from asgml.core.model.model import MultimodalModel


def make_optimizer(config: RunSettings, model: MultimodalModel) -> torch.optim.Optimizer:
    """Return a new SGD, Adam or AdamW over all parameters of the model.

    One parameter group for each encoder, in the order of the modalities and with its name under the
    key "modality", then one for the fusion with the name "". All have the same settings: groups
    exist so that a method can set the learning rate of one encoder. `optimizer.momentum` is SGD's
    momentum, or beta 1 of Adam and AdamW, whose beta 2 is 0.999.
    """
    settings = config.optimizer
    encoders = [
        {"params": list(encoder.parameters()), "modality": m}
        for m, encoder in model.encoders.items()
    ]
    groups = [*encoders, {"params": list(model.fusion.parameters()), "modality": ""}]
    lr, weight_decay = settings.lr, settings.weight_decay
    if settings.name == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=settings.momentum, weight_decay=weight_decay)
    kind = torch.optim.Adam if settings.name == "adam" else torch.optim.AdamW
    return kind(groups, lr=lr, betas=(settings.momentum, 0.999), weight_decay=weight_decay)
