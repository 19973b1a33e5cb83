"""Diagnosing and re-learning: move an over-fitted encoder part of the way to its initial weights.

Wei, Li, Feng, Hu: Diagnosing and Re-learning for Balanced Multimodal Learning, ECCV 2024.
Formula: RELEARNING in core/methods/resets.py. Purity is the share of samples that belong to the
largest class of their cluster. An encoder whose training features fall into classes much better
than its validation features has over-fitted, and goes further back.

The released script (variant=code, code/ours.py) scales each column of a split's features to (-1, 1)
before KMeans (line 108), so that columns of large values do not decide the clusters alone, and
resets after the epoch of index 20, which is the beginning of epoch 21 (line 418). KMeans has ten
starts here; there it has scikit-learn's default.

A Modulation changes the gradients of one step. This changes the weights between two steps, so it is
no Modulation: it is done in `before_epoch`, and no other method writes weights. Batch norm's
running statistics and the optimizer's momentum stay; both forget within some tens of steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.methods.spec import MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.seeds import seed_for
from asgml.core.types import Backward
from asgml.storage.format.knobs import Value

STARTS = 10
"""Runs of KMeans from other centres; the best clustering counts."""


class Relearning(Modulator):
    """For any number of modalities, each by its own gap."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.initial: dict[str, list[Tensor]] = {}
        self.gaps: dict[str, float] = {}

    def attach(self, context: MethodContext) -> None:
        for split in ("train", "val"):
            if (size := len(context.data.splits[split])) < context.classes:
                raise MethodError(
                    f"relearning needs a {split} split with a sample for each of "
                    f"{context.classes} clusters, there are {size}"
                )
        self.context = context
        self.initial = {
            m: [p.detach().clone() for p in group.kernels + group.others]
            for m, group in context.groups.items()
        }

    def before_epoch(self, epoch: int, strength: float) -> None:
        released = self.options["variant"] == "code"
        start, every, times = (int(self.number(name)) for name in ("start", "every", "times"))
        # After an epoch is at the beginning of the next one.
        if not is_due(epoch, start + released, every, times):
            return
        # numpy, under KMeans, takes seeds of 32 bits
        seed = seed_for(f"relearning/{epoch}", self.context.config.seed) % 2**32
        splits = [self.context.features(split) for split in ("train", "val")]
        for m in self.modalities:
            train, val = (
                cluster_purity(
                    scaled_columns(features[m]) if released else features[m],
                    labels,
                    self.context.classes,
                    seed,
                )
                for features, labels in splits
            )
            self.gaps[m] = abs(train - val)
            self.reset(m, strength * reset_weight(self.gaps[m], self.number("scale")))

    @torch.no_grad()
    def reset(self, modality: str, weight: float) -> None:
        """Set theta <- weight * initial + (1 - weight) * theta for every parameter."""
        group = self.context.groups[modality]
        pairs = zip(group.kernels + group.others, self.initial[modality], strict=True)
        for parameter, initial in pairs:
            parameter.copy_(weight * initial.to(parameter.device) + (1 - weight) * parameter)

    def modulate(self, backward: Backward) -> Modulation:
        return Modulation(readings={f"purity_gap/{m}": gap for m, gap in self.gaps.items()})

    def state_dict(self) -> State:
        return {"initial": self.initial, "gaps": dict(self.gaps)}

    def load_state_dict(self, state: State) -> None:
        self.initial, self.gaps = state["initial"], dict(state["gaps"])


def is_due(epoch: int, start: int, every: int, times: int) -> bool:
    """Return True where the encoders are reset at the beginning of this epoch."""
    done, rest = divmod(epoch - start, every)
    return rest == 0 and 0 <= done < times


def reset_weight(gap: float, scale: float) -> float:
    """Return w = tanh(scale * gap), in [0, 1)."""
    return float(torch.tensor(scale * gap, dtype=torch.float64).tanh())


def scaled_columns(features: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
    """Return the features with every column from -1 to 1; a constant column becomes -1."""
    low, high = features.amin(dim=0), features.amax(dim=0)
    # 1 for a constant column, which would be 0/0.
    span = torch.where(high > low, high - low, torch.ones_like(low))
    return (features - low) / span * 2 - 1


def cluster_purity(features: Tensor, labels: Tensor, clusters: int, seed: int) -> float:
    """Return the purity of KMeans on the features: 1 where every cluster holds a single class."""
    # Imported here: only this method needs scikit-learn.
    from sklearn.cluster import KMeans

    points = features.float().cpu().numpy()
    assigned = KMeans(clusters, n_init=STARTS, random_state=seed).fit_predict(points)
    return purity(torch.from_numpy(assigned).long(), labels.cpu())


def purity(assigned: Tensor, labels: Tensor) -> float:
    """Return the share of samples in the largest class of their cluster."""
    table = torch.zeros(int(assigned.max()) + 1, int(labels.max()) + 1, dtype=torch.int64)
    table.index_put_((assigned, labels), torch.ones_like(labels), accumulate=True)
    return float(table.amax(dim=1).sum() / len(labels))
