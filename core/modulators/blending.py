"""Measure how much each loss generalises and over-fits, on copies of a model, for G-Blending.

Loss 0 is the joint one, then come the unimodal ones in the order of the modalities. All are mean
cross-entropies in nat, or in a regression absolute errors.
"""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.config.run_settings import RunSettings
from asgml.core.data.loading.batches import Batches, in_order
from asgml.core.measures.evaluate import in_eval_mode
from asgml.core.measures.task import criterion_of, loss_of
from asgml.core.model.optimizer import make_optimizer
from asgml.core.model.schedule import learning_rate
from asgml.core.modulators.context import MethodContext
from asgml.core.seeds import seed_for
from asgml.core.types import Forward

LEAST_OVERFITTING = 0.01
"""Over-fitting below this, in nat, counts as this: its square is divided by."""


def losses_of(forward: Forward) -> Float[Tensor, "K"]:
    """Return the joint loss and each unimodal loss of one batch."""
    logits = (forward.logits, *forward.unimodal_logits.values())
    return torch.stack([loss_of(forward, each) for each in logits])


def blend_weights(
    generalisation: Float[Tensor, "K"], overfitting: Float[Tensor, "K"]
) -> Float[Tensor, "K"]:
    """Return w_k: 0 for a loss that makes validation worse; equal weights where all do."""
    raw = generalisation.clamp_min(0) / overfitting.abs().clamp_min(LEAST_OVERFITTING).square()
    total = raw.sum()
    return raw / total if total > 0 else torch.full_like(raw, 1 / len(raw))


def measure(context: MethodContext, epoch: int, epochs: int) -> Float[Tensor, "K"]:
    """Return the present weights; the model and every random stream are left as they were."""
    devices = [context.device] if context.device.type == "cuda" else []
    # Dropout in the copies draws from torch's global generator, which the run itself uses.
    with torch.random.fork_rng(devices):
        train, val = (split_losses(context, context.model, split) for split in ("train", "val"))
        gains, gaps = torch.zeros_like(val), torch.zeros_like(val)
        for k in range(len(val)):
            trained = train_copy(context, k, epoch, epochs)
            train_after, val_after = (
                split_losses(context, trained, split)[k] for split in ("train", "val")
            )
            gains[k], gaps[k] = val[k] - val_after, (val_after - train_after) - (val[k] - train[k])
    return blend_weights(gains, gaps)


def train_copy(context: MethodContext, k: int, epoch: int, epochs: int) -> torch.nn.Module:
    """Return a copy of the model, trained for some epochs by loss k only.

    Its optimizer is fresh, at the configured rate. All copies see the same batches, in an order
    that no other random stream shares.
    """
    config = context.config
    trained = copy.deepcopy(context.model).train()
    optimizer = make_optimizer(config, trained)
    seed = seed_for(f"g_blending/{epoch}", config.seed)
    split = context.data.splits["train"]
    criterion = criterion_of(config, context.data, context.device)
    batches = Batches(split, config.batch_size, context.device, seed, criterion)
    for elapsed in range(epochs):
        _set_rate(optimizer, config, epoch + elapsed, batches.per_epoch)
        batches.begin_epoch()
        for batch in batches.rest_of_epoch():
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(losses_of(trained(batch))[k])
            optimizer.step()
    return trained


def _set_rate(
    optimizer: torch.optim.Optimizer, config: RunSettings, epoch: int, per_epoch: int
) -> None:
    """Set the rate of the epoch's first step for all of it."""
    rate = learning_rate(config, config.optimizer.lr, epoch=epoch, step=epoch * per_epoch)
    for group in optimizer.param_groups:
        group["lr"] = rate


@torch.no_grad()
def split_losses(context: MethodContext, model: torch.nn.Module, split: str) -> Float[Tensor, "K"]:
    """Return all losses over a split, in eval mode; in float64, on the host."""
    samples = context.data.splits[split]
    batches = in_order(samples, context.config.eval.batch_size, context.device)
    # Weighted by samples: the last batch may be smaller.
    with in_eval_mode(model):
        sums = [losses_of(model(batch)) * len(batch.labels) for batch in batches]
    return (torch.stack(sums).sum(dim=0) / len(samples)).double().cpu()
