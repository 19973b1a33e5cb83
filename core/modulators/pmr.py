"""PMR: pull the slow modality's features to the prototypes of their classes.

Fan, Xu, Wang, Wang, Guo: PMR: Prototypical Modal Rebalance for Multimodal Learning, CVPR 2023.
Formula: PMR in core/methods/losses.py; prototypes: prototypes.py. The entropy term (PER) holds the
fast modality back in the first epochs.

With two modalities slow is the paper's (beta, gamma) = (clip(1/rho - 1, 0, 1), clip(rho - 1, 0,
1)), rho = s_0 / s_1. The released script takes 1 wherever that is above 0, and makes prototypes
once before the first epoch and after each: those of before and after epoch 0 have no momentum
(variant=code, main_Prototype_grad.py, lines 169 and 435). A class without samples is 0/0 there;
here it keeps its old prototype, or has none.

The paper is about two modalities; for more, each is compared with every other in pairs and the
ratios are averaged, as OGM's authors do: the strongest still gets nothing, and the order of the
modalities does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.measures.unimodal import SMALLEST_SCORE, discrepancy_ratio
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.modulators.prototypes import Prototypes, entropy
from asgml.core.seeds import seed_for
from asgml.core.types import Backward, Forward, Scalar
from asgml.storage.format.knobs import Value

LAST_FRESH_EPOCH = 1
"""Last epoch whose prototypes the released script makes without the old ones."""


class Pmr(Modulator):
    """The prototypes' loss of the slow modality; nothing before there are prototypes."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.prototypes = Prototypes()
        self.epoch = 0
        self.weights: dict[str, Tensor] = {}

    def attach(self, context: MethodContext) -> None:
        self.context = context

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def before_epoch(self, epoch: int, strength: float) -> None:
        """Make prototypes from a random share of the training split."""
        context = self.context
        size = len(context.data.splits["train"])
        count = max(1, math.ceil(self.number("share") * size))
        # A generator for this draw only, so no other random stream moves.
        generator = torch.Generator().manual_seed(seed_for(f"pmr/{epoch}", context.config.seed))
        samples = torch.randperm(size, generator=generator)[:count]
        features, labels = context.features("train", samples)
        self.prototypes.update(features, labels, context.classes, self.momentum(epoch))

    def momentum(self, epoch: int) -> float:
        """Return the weight of the old prototypes in those made at the beginning of `epoch`."""
        fresh = self.options["variant"] == "code" and epoch <= LAST_FRESH_EPOCH
        return 0.0 if fresh else self.number("momentum")

    @property
    def rule(self) -> str:
        rule = str(self.options["rule"])
        return str(self.options["variant"]) if rule == "variant" else rule

    def loss(self, forward: Forward) -> Scalar:
        self.weights = {}
        if not self.prototypes.means:
            return 0.0
        labels = forward.labels
        logits = [self.prototypes.logits(m, forward.features[m]) for m in self.modalities]
        scores = torch.stack([self.prototypes.scores(each, labels) for each in logits])
        slow, fast = rebalance_weights(scores, self.rule)
        # Kept for `modulate`, which records them.
        self.weights = dict(zip(self.modalities, self.number("alpha") * slow, strict=True))
        losses = torch.stack([self.prototypes.loss(each, labels) for each in logits])
        total: Tensor = self.number("alpha") * (slow * losses).sum()
        if self.number("entropy") > 0 and self.epoch < self.number("entropy_epochs"):
            entropies = torch.stack([entropy(each) for each in logits])
            total = total - self.number("entropy") * (fast * entropies).sum()
        return total

    def modulate(self, backward: Backward) -> Modulation:
        return Modulation(readings={f"prototype_weight/{m}": w for m, w in self.weights.items()})

    def state_dict(self) -> State:
        return {
            "means": dict(self.prototypes.means),
            "known": self.prototypes.known,
            "epoch": self.epoch,
        }

    def load_state_dict(self, state: State) -> None:
        self.prototypes.means, self.prototypes.known = dict(state["means"]), state["known"]
        self.epoch = int(state["epoch"])


def rebalance_weights(
    scores: Float[Tensor, "M"], rule: str
) -> tuple[Float[Tensor, "M"], Float[Tensor, "M"]]:
    """Return slow_m and fast_m, both in [0, 1]; 0 and 0 for a single modality."""
    safe = scores.clamp_min(SMALLEST_SCORE)
    slow, fast = (discrepancy_ratio(s) - 1 for s in (1 / safe, safe))
    if rule == "code":
        return (slow > 0).float(), (fast > 0).float()
    return slow.clamp(0, 1), fast.clamp(0, 1)
