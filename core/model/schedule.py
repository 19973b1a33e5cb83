"""The learning rate of a step in closed form: step, multi-step or cosine decay after a warm-up.

    step         lr * decay^floor(e / decay_every)
    multistep    lr * decay^(number of milestones <= e)
    cosine       end + (lr - end) * (1 + cos(pi * e / length)) / 2,   end = min(min_lr, lr)
    warm-up      times w + (1 - w) * min(i / n, 1),   w = warmup_factor

No schedule keeps a state, so `lr` may be set at any time and a resumed run has the same rate. e are
the epochs since the warm-up, as in torch's SequentialLR, and the length of the cosine is the rest
of the training. i are epochs, n is warmup_epochs; or i are steps and n is warmup_steps, and then e
counts from the first epoch. The warm-up begins below min_lr where w is small.
"""

from __future__ import annotations

import math

from asgml.core.config.run_settings import RunSettings
from asgml.core.config.training_sections import OptimizerConfig


def learning_rate(config: RunSettings, lr: float, *, epoch: int, step: int) -> float:
    """Return the rate of a step. `lr` is the rate before decay; all are counted from 0."""
    settings = config.optimizer
    if epoch < settings.warmup_epochs:
        # the schedule stands at its beginning, whose factor is 1
        return lr * warmup(epoch, settings.warmup_epochs, settings.warmup_factor)
    since = epoch - settings.warmup_epochs
    rate = _decayed(settings, lr, since, length=config.epochs - settings.warmup_epochs)
    if step < settings.warmup_steps:
        rate *= warmup(step, settings.warmup_steps, settings.warmup_factor)
    return rate


def _decayed(settings: OptimizerConfig, lr: float, epoch: int, length: int) -> float:
    end = min(settings.min_lr, lr)
    match settings.schedule:
        case "cosine":
            return cosine(epoch, lr, end, length)
        case "multistep":
            return max(end, multistep(epoch, lr, settings.milestones, settings.decay))
        case _:
            return max(end, stepped(epoch, lr, settings.decay_every, settings.decay))


def stepped(epoch: int, lr: float, decay_every: int, decay: float) -> float:
    """Return lr * decay^floor(epoch / decay_every), torch's StepLR."""
    return lr * decay ** (epoch // decay_every)


def multistep(epoch: int, lr: float, milestones: list[int], decay: float) -> float:
    """Return lr * decay^(number of milestones reached), torch's MultiStepLR."""
    return lr * decay ** sum(epoch >= milestone for milestone in milestones)


def cosine(epoch: int, lr: float, end: float, length: int) -> float:
    """Return the rate on half a cosine from `lr` to `end`, torch's CosineAnnealingLR.

    From epoch `length` on it is `end`; the last epoch of a training is the one before.
    """
    turned = math.pi * min(epoch, length) / length
    return end + (lr - end) * (1 + math.cos(turned)) / 2


def warmup(done: int, length: int, factor: float) -> float:
    """Return the factor of a linear warm-up from `factor` to 1, torch's LinearLR."""
    return factor + (1 - factor) * min(done / length, 1.0)
