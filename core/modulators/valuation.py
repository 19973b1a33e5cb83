"""Sample-level modality valuation: show again what a modality contributes too little to.

Wei, Feng, Wang, Hu: Enhancing Multimodal Cooperation via Sample-level Modality Valuation, CVPR
2024. Formula: VALUATION in core/methods/data.py. phi_m(i) is modality m's Shapley value for sample
i; that of no modality is 0, so sum_m phi_m = M where the whole model is right and 0 where it is
wrong. A modality that contributes its part has phi_m = 1.

Before each epoch the training split is predicted once, in eval mode; only the fusion runs for every
subset, with the features outside it zero, as in the released script. A sample is shown again with
the features of all modalities but one zero, so its gradient trains that encoder and the fusion.

level=sample      each sample by its own contributions (sample_level.py)
level=modality    randomly chosen samples, by the contributions over a share of the split: only the
                  modality that contributes least is shown again (modality_level.py). The paper is
                  about two modalities; for more the gap is to the mean of all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from asgml.core.measures.shapley import MOST_MODALITIES, Subset, shapley_values, subsets
from asgml.core.measures.task import correct
from asgml.core.methods.spec import MethodError
from asgml.core.model.fusion.base import Fusion
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.seeds import seed_for
from asgml.core.types import Repeats
from asgml.storage.format.knobs import Value

THRESHOLDS = 0.9999, 0.4, -0.1
"""Contributions below which a sample is shown a first, second and third time (dataloader.py)."""
GAP_SHARE = 2 / 3
"""Share of the split that is shown again for each unit of the gap, at rate 1."""


class Valuation(Modulator):
    """Plans before an epoch which samples are shown again in it."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.planned: Repeats | None = None
        self.contributions: dict[str, float] = {}

    def attach(self, context: MethodContext) -> None:
        if not 2 <= (count := len(self.modalities)) <= MOST_MODALITIES:
            raise MethodError(
                f"valuation compares 2 to {MOST_MODALITIES} modalities in all their 2^M subsets, "
                f"the data has {count}"
            )
        self.context = context

    def before_epoch(self, epoch: int, strength: float) -> None:
        # A generator for this plan only, so no other random stream moves.
        seed = seed_for(f"valuation/{epoch}", self.context.config.seed)
        generator = torch.Generator().manual_seed(seed)
        features, labels = self.context.features("train")
        found = contributions(self.context.model.fusion, features, labels)
        self.contributions = {m: float(phi.mean()) for m, phi in found.items()}
        plan = self.by_modality if self.options["level"] == "modality" else self.by_sample
        counts = plan({m: phi.cpu() for m, phi in found.items()}, generator)
        self.planned = thinned(repeats_of(counts, self.modalities), strength, generator)

    def by_sample(
        self, phi: Mapping[str, Float[Tensor, "N"]], generator: Generator
    ) -> dict[str, Int[Tensor, "N"]]:
        """Return how often each sample is shown again with modality m alone, {m: (N,)}."""
        return {m: times_shown(each) for m, each in phi.items()}

    def by_modality(
        self, phi: Mapping[str, Float[Tensor, "N"]], generator: Generator
    ) -> dict[str, Int[Tensor, "N"]]:
        """Return the same: draws of the modality that contributes least, with replacement."""
        size = len(phi[self.modalities[0]])
        part = max(1, int(self.number("share") * size))
        chosen = torch.randint(size, (part,), generator=generator)
        means = {m: float(each[chosen].mean()) for m, each in phi.items()}
        least = min(means, key=lambda m: means[m])
        others = [mean for m, mean in means.items() if m != least]
        gap = sum(others) / len(others) - means[least]
        draws = int(gap * GAP_SHARE * self.number("rate") * size)
        drawn = torch.randint(size, (draws,), generator=generator)
        return {least: torch.bincount(drawn, minlength=size)}

    def repeats(self) -> Repeats | None:
        return self.planned

    def state_dict(self) -> State:
        return {"contributions": dict(self.contributions)}

    def load_state_dict(self, state: State) -> None:
        self.contributions = dict(state["contributions"])


@torch.no_grad()
def contributions(
    fusion: Fusion, features: Mapping[str, Float[Tensor, "N D"]], labels: Int[Tensor, "N"]
) -> dict[str, Float[Tensor, "N"]]:
    """Return phi_m of each sample, {m: (N,)}; v(S) = |S| where S predicts its class, else 0."""
    names = tuple(features)
    values: dict[Subset, Tensor] = {}
    for chosen in subsets(names):
        if chosen:
            shown = {m: h if m in chosen else torch.zeros_like(h) for m, h in features.items()}
            values[chosen] = len(chosen) * correct(fusion.fuse(shown), labels)
    return shapley_values(values, names)


def times_shown(phi: Float[Tensor, "N"]) -> Int[Tensor, "N"]:
    """Return 0 from a contribution of 1 on, 1 above 0.4, 2 above -0.1, and else 3."""
    return torch.stack([phi < threshold for threshold in THRESHOLDS]).sum(dim=0)


def repeats_of(counts: Mapping[str, Int[Tensor, "N"]], modalities: Sequence[str]) -> Repeats:
    """Return each sample as often as it is counted, with all modalities masked but the one."""
    samples = {m: count_out(count) for m, count in counts.items()}
    present = {
        m: torch.cat([torch.full_like(each, m == shown) for shown, each in samples.items()]).bool()
        for m in modalities
    }
    return Repeats(torch.cat(list(samples.values())), present)


def count_out(count: Int[Tensor, "N"]) -> Int[Tensor, "K"]:
    """Return the numbers of the samples, each as often as it is counted."""
    return torch.repeat_interleave(torch.arange(len(count)), count)


def thinned(repeats: Repeats, strength: float, generator: Generator) -> Repeats | None:
    """Return a random share of them; None where it is empty."""
    total = len(repeats.samples)
    kept = torch.randperm(total, generator=generator)[: round(strength * total)]
    if not len(kept):
        return None
    return Repeats(repeats.samples[kept], {m: mask[kept] for m, mask in repeats.present.items()})
