"""Diagnosing and re-learning: move an over-fitted encoder part of the way back to its initial weights.

Wei, Li, Feng, Hu: Diagnosing and Re-learning for Balanced Multimodal Learning, ECCV 2024.

    gap_m   = |purity of KMeans(C) on h_m of the training split - the same on the validation split|
    w_m     = tanh(scale * gap_m)
    theta_m <- w_m * theta_m(initial) + (1 - w_m) * theta_m         all parameters of encoder m

At the beginning of epochs start, start + every, ... (`times` in all). Purity is the share of samples that belong to the
largest class of their cluster. An encoder whose training features fall into classes much better than its validation
features has over-fitted, and goes further back.

A Modulation says what happens to the gradients of one step. This happens to the weights, between two steps, so it is no
Modulation: it is done in `prepare`, and it is the only method that writes weights. Batch norm's running statistics and the
optimizer's momentum stay; both forget within some tens of steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from asgml.core.methods.spec import MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.seeds import seed_for
from asgml.core.types import Backward
from asgml.storage.format.knobs import Value

BEGINNINGS = 10
"""KMeans is run from so many beginnings; the best clustering counts."""


class Relearning(Modulator):
    """Any number of modalities, each by its own gap."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.initial: dict[str, list[Tensor]] = {}
        self.gaps: dict[str, float] = {}

    def attach(self, context: MethodContext) -> None:
        for split in ("train", "val"):
            if (size := len(context.data.splits[split])) < context.classes:
                raise MethodError(
                    f"relearning needs a {split} split with a sample for each of {context.classes} clusters, there are {size}"
                )
        self.context = context
        self.initial = {
            m: [p.detach().clone() for p in group.kernels + group.others]
            for m, group in context.groups.items()
        }

    def before_epoch(self, epoch: int, strength: float) -> None:
        if not is_due(
            epoch, int(self.number("start")), int(self.number("every")), int(self.number("times"))
        ):
            return
        seed = seed_for(f"relearning/{epoch}", self.context.config.seed) % 2**32
        parts = [self.context.features(split) for split in ("train", "val")]
        for m in self.modalities:
            train, val = (
                cluster_purity(features[m], labels, self.context.classes, seed)
                for features, labels in parts
            )
            self.gaps[m] = abs(train - val)
            self.go_back(m, strength * reset_weight(self.gaps[m], self.number("scale")))

    @torch.no_grad()
    def go_back(self, modality: str, weight: float) -> None:
        group = self.context.groups[modality]
        for parameter, initial in zip(
            group.kernels + group.others, self.initial[modality], strict=True
        ):
            parameter.copy_(weight * initial.to(parameter.device) + (1 - weight) * parameter)

    def modulate(self, backward: Backward) -> Modulation:
        return Modulation(readings={f"purity_gap/{m}": gap for m, gap in self.gaps.items()})

    def state_dict(self) -> State:
        return {"initial": self.initial, "gaps": dict(self.gaps)}

    def load_state_dict(self, state: State) -> None:
        self.initial, self.gaps = state["initial"], dict(state["gaps"])


def is_due(epoch: int, start: int, every: int, times: int) -> bool:
    """Whether the encoders go back at the beginning of this epoch."""
    turn, rest = divmod(epoch - start, every)
    return rest == 0 and 0 <= turn < times


def reset_weight(gap: float, scale: float) -> float:
    """w = tanh(scale * gap), in [0, 1)."""
    return float(torch.tensor(scale * gap, dtype=torch.float64).tanh())


def cluster_purity(features: Tensor, labels: Tensor, clusters: int, seed: int) -> float:
    """Purity of KMeans on the features: 1 where every cluster holds a single class."""
    from sklearn.cluster import KMeans

    points = features.float().cpu().numpy()
    found = KMeans(clusters, n_init=BEGINNINGS, random_state=seed).fit_predict(points)
    return purity(torch.from_numpy(found).long(), labels.cpu())


def purity(assigned: Tensor, labels: Tensor) -> float:
    """The share of samples in the largest class of their cluster."""
    table = torch.zeros(int(assigned.max()) + 1, int(labels.max()) + 1, dtype=torch.int64)
    table.index_put_((assigned, labels), torch.ones_like(labels), accumulate=True)
    return float(table.amax(dim=1).sum() / len(labels))
