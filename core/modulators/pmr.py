"""PMR: pull the slow modality's features to the prototypes of their classes.

Fan, Xu, Wang, Wang, Guo: PMR: Prototypical Modal Rebalance for Multimodal Learning, CVPR 2023.

    c_k   <- (1 - momentum) * mean feature of class k + momentum * c_k     each epoch, over a part of the training split
    p_m   = softmax_k(-|h_m - c_k|)                                        what the prototypes of modality m predict
    s_m   = sum_i p_m,i[y_i]
    lag_m = mean over j != m of s_j / s_m,    lead_m = mean over j != m of s_m / s_j
    slow_m = clip(lag_m - 1, 0, 1),           fast_m = clip(lead_m - 1, 0, 1)
    L     = L_task + alpha * sum_m slow_m * CE(p_m, y) - entropy * sum_m fast_m * H(p_m)

With two modalities slow is the paper's (beta, gamma) = (clip(1/rho - 1, 0, 1), clip(rho - 1, 0, 1)), rho = s_0 / s_1. The
published code takes 1 wherever that is above 0: rule = code. The paper is about two modalities; for more, each is compared
with every other in pairs and the ratios are averaged, as OGM's authors do: the strongest still gets nothing, and the order of
the modalities does not matter. The entropy term (PER) holds the fast modality back in the first epochs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.measures.unimodal import discrepancy_ratio
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.modulators.prototypes import Prototypes, entropy
from asgml.core.seeds import seed_for
from asgml.core.types import Backward, Forward, Scalar
from asgml.storage.format.knobs import Value


class Pmr(Modulator):
    """Adds the prototypes' loss of the slow modality; nothing before the first prototypes are made."""

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
        """New prototypes from a random part of the training split; its own draw, so no other random stream moves."""
        size = len(self.context.data.splits["train"])
        part = max(1, math.ceil(self.number("share") * size))
        generator = torch.Generator().manual_seed(
            seed_for(f"pmr/{epoch}", self.context.config.seed)
        )
        features, labels = self.context.features(
            "train", torch.randperm(size, generator=generator)[:part]
        )
        self.prototypes.update(features, labels, self.context.classes, self.number("momentum"))

    def loss(self, forward: Forward) -> Scalar:
        self.weights = {}
        if not self.prototypes.means:
            return 0.0
        logits = {m: self.prototypes.logits(m, forward.features[m]) for m in self.modalities}
        scores = torch.stack(
            [self.prototypes.scores(logits[m], forward.labels) for m in self.modalities]
        )
        slow, fast = rebalance_weights(scores, str(self.options["rule"]))
        self.weights = dict(zip(self.modalities, self.number("alpha") * slow, strict=True))
        losses = torch.stack(
            [self.prototypes.loss(logits[m], forward.labels) for m in self.modalities]
        )
        total: Tensor = self.number("alpha") * (slow * losses).sum()
        if self.number("entropy") > 0 and self.epoch < self.number("entropy_epochs"):
            total = (
                total
                - self.number("entropy")
                * (fast * torch.stack([entropy(logits[m]) for m in self.modalities])).sum()
            )
        return total

    def modulate(self, backward: Backward) -> Modulation:
        return Modulation(
            readings={f"prototype_weight/{m}": weight for m, weight in self.weights.items()}
        )

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
    """How slow and how fast each modality is, both in [0, 1]; 0 and 0 for a single one."""
    safe = scores.clamp_min(1e-12)
    slow, fast = (discrepancy_ratio(s) - 1 for s in (1 / safe, safe))
    if rule == "code":
        return (slow > 0).float(), (fast > 0).float()
    return slow.clamp(0, 1), fast.clamp(0, 1)
