"""LFM: bring the modalities' predictions together first, and fit the classes as training goes on.

Yang, Wan, Jiang, Xu: Facilitating Multimodal Classification via Dynamically Learning Modality Gap,
NeurIPS 2024. Formula: LFM in core/methods/joint_losses.py. For more than two modalities the
alignment is the mean over pairs. align and CLS are those of the released scripts: align compares
what the modalities predict, and CLS takes the mean of their logits, which for fusion.kind=sum is
z / M.

The weight a of align is, by the option `weight`:

    fitted     the polynomial that Crema_epoch.py has in place of the learned weight; it was fitted
               to 200 epochs and is held from there on
    heuristic  falls with the number of epochs begun
    learned    as in Crema_epoch_learnable.py: a moves against the mean, over the first tensor of
               the first encoder, of the Hessian of the weighted loss times the gradient of CLS, on
               eight samples kept out of training (here the first of the validation split)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.data.loading.batches import take
from asgml.core.measures.evaluate import in_eval_mode
from asgml.core.measures.task import loss_of
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.types import Forward, Scalar
from asgml.storage.format.knobs import Value

FITTED = (
    7.95376296e-01,
    -3.35472727e-03,
    -1.22989557e-04,
    2.92947416e-06,
    -2.23835486e-08,
    5.39717505e-11,
)
"""Coefficients of the fitted weight, from the constant on (Crema_epoch.py, line 50)."""
FITTED_EPOCHS = 200
"""Epochs that the polynomial was fitted to; beyond them it grows without bound."""
SAMPLES = 8
"""Samples that a learned weight is learned from."""
FIRST, LEAST, MOST = 0.95, 0.05, 0.95
"""The learned weight before the first epoch, and its bounds."""
HALVED_EVERY = 20
"""Epochs after which the learning rate of the learned weight is halved."""


class Lfm(Modulator):
    """Replaces the joint loss by a weighted sum of it and of the alignment."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.weight = FIRST
        self.lr = float(options["lr"])

    def attach(self, context: MethodContext) -> None:
        if len(self.modalities) < 2:
            raise MethodError("lfm aligns modalities with each other, the data has one; use two")
        self.context = context

    def begin_epoch(self, epoch: int) -> None:
        if self.options["weight"] == "fitted":
            self.weight = fitted_weight(epoch)
        elif self.options["weight"] == "heuristic":
            self.weight = heuristic_weight(epoch)

    def before_epoch(self, epoch: int, strength: float) -> None:
        if self.options["weight"] != "learned":
            return
        if epoch and epoch % HALVED_EVERY == 0:
            self.lr /= 2
        slope = weight_slope(self.context, self.weight)
        self.weight = min(max(self.weight - self.lr * slope, LEAST), MOST)

    def loss(self, forward: Forward) -> Scalar:
        """Return the method's loss less the task's, which the trainer adds with weight 1."""
        both = self.number("scale") * weighted_loss(forward, self.weight)
        return both - loss_of(forward, forward.logits)

    def state_dict(self) -> State:
        return {"weight": self.weight, "lr": self.lr}

    def load_state_dict(self, state: State) -> None:
        self.weight, self.lr = float(state["weight"]), float(state["lr"])


def fitted_weight(epoch: int) -> float:
    """Return the fitted weight of an epoch, counted from 0."""
    t = float(min(epoch, FITTED_EPOCHS))
    return sum(coefficient * t**power for power, coefficient in enumerate(FITTED))


def heuristic_weight(epoch: int) -> float:
    """Return 1 - exp(-1 / t), t counted from 1 on."""
    return 1 - math.exp(-1 / (epoch + 1))


def weighted_loss(forward: Forward, weight: float) -> Tensor:
    """Return (1 - a) CLS + a align."""
    return (1 - weight) * class_loss(forward) + weight * alignment(forward.unimodal_logits)


def class_loss(forward: Forward) -> Tensor:
    """Return the task's loss of the fused logits, divided by the number of modalities."""
    return loss_of(forward, forward.logits / len(forward.unimodal_logits))


def alignment(unimodal_logits: Mapping[str, Float[Tensor, "B C"]]) -> Tensor:
    """Return the mean over pairs of (KL(m | p) + KL(m | q)) / 2, m = (p + q) / 2, in nat."""
    logs = [logits.log_softmax(dim=1) for logits in unimodal_logits.values()]
    pairs = [divergence(p, q) for p, q in itertools.combinations(logs, 2)]
    return torch.stack(pairs).mean()


def divergence(p: Float[Tensor, "B C"], q: Float[Tensor, "B C"]) -> Tensor:
    """Return (KL(m | p) + KL(m | q)) / 2 of two log probabilities, the mean over the samples."""
    # log m from the logarithms: it stays finite where both probabilities underflow.
    log_mixed = torch.logaddexp(p, q) - math.log(2)
    terms = log_mixed.exp() * (log_mixed - (p + q) / 2)
    return terms.sum(dim=1).mean()


def weight_slope(context: MethodContext, weight: float) -> float:
    """Return the mean, over the first encoder's first tensor, of H(weighted loss) grad(CLS)."""
    model, split = context.model, context.data.splits["val"]
    parameters = [p for p in model.parameters() if p.requires_grad]
    samples = torch.arange(min(SAMPLES, len(split)))
    # cuDNN's recurrent kernels have no second derivative.
    with in_eval_mode(model), torch.backends.cudnn.flags(enabled=False), torch.enable_grad():
        forward = model(take(split, samples, context.device))
        both = gradients(weighted_loss(forward, weight), parameters)
        own = [gradient.detach() for gradient in gradients(class_loss(forward), parameters)]
        product = torch.stack([(a * b).sum() for a, b in zip(both, own, strict=True)]).sum()
        (first,) = torch.autograd.grad(product, parameters[:1], allow_unused=True)
    return 0.0 if first is None else float(first.mean())


def gradients(loss: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    """Return the gradients of a loss with a graph of their own, zeros where there is none."""
    found = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]
