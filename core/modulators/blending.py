"""What gradient blending measures: how much a loss generalises and how much it over-fits, on copies of a model.

    G_k = L_k,val before - L_k,val after                                  generalisation
    O_k = (L_k,val - L_k,train) after - the same before                   over-fitting
    w_k = G_k / O_k^2, divided by their sum

k counts the joint loss first, then the modalities' own. All losses are mean cross-entropies in nat, or in a regression absolute errors.
"""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.data.batches import Batches, in_order
from asgml.core.measures.evaluate import in_eval_mode
from asgml.core.measures.task import loss_of
from asgml.core.model.optimizer import lr_at, make_optimizer
from asgml.core.modulators.context import MethodContext
from asgml.core.seeds import seed_for
from asgml.core.types import Forward

LEAST_OVERFITTING = 0.01
"""Over-fitting below this, in nat, counts as this: its square is divided by."""


def losses_of(forward: Forward) -> Float[Tensor, "K"]:
    """The joint loss and each modality's own, of one batch."""
    return torch.stack(
        [loss_of(forward, logits) for logits in (forward.logits, *forward.unimodal_logits.values())]
    )


def blend_weights(
    generalisation: Float[Tensor, "K"], overfitting: Float[Tensor, "K"]
) -> Float[Tensor, "K"]:
    """w_k. A loss that makes validation worse gets nothing; where all do, all weigh the same."""
    raw = generalisation.clamp_min(0) / overfitting.abs().clamp_min(LEAST_OVERFITTING).square()
    total = raw.sum()
    return raw / total if total > 0 else torch.full_like(raw, 1 / len(raw))


def measure(context: MethodContext, epoch: int, epochs: int) -> Float[Tensor, "K"]:
    """The weights that the model asks for now. It is left as it was, and so is every random stream."""
    devices = [context.device] if context.device.type == "cuda" else []
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
    """A copy of the model, trained on for some epochs by loss k alone, from a fresh optimizer at the configured rate.

    All copies see the same batches, in an order of their own.
    """
    config = context.config
    trained = copy.deepcopy(context.model).train()
    optimizer = make_optimizer(config, trained)
    seed = seed_for(f"g_blending/{epoch}", config.seed)
    batches = Batches(context.data.splits["train"], config.batch_size, context.device, seed)
    for turn in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = lr_at(
                epoch + turn,
                config.optimizer.lr,
                config.optimizer.decay_every,
                config.optimizer.decay,
            )
        batches.begin_epoch()
        for batch in batches.rest_of_epoch():
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(losses_of(trained(batch))[k])
            optimizer.step()
    return trained


@torch.no_grad()
def split_losses(context: MethodContext, model: torch.nn.Module, split: str) -> Float[Tensor, "K"]:
    """All losses over a split, in eval mode; on the host."""
    part = context.data.splits[split]
    batches = in_order(part, context.config.eval.batch_size, context.device)
    with in_eval_mode(model):
        sums = [losses_of(model(batch)) * len(batch.labels) for batch in batches]
    return (torch.stack(sums).sum(dim=0) / len(part)).double().cpu()
