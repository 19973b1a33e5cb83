"""AUG: give the weaker modality's head another layer, again and again, each to boost those before.

Rethinking Multimodal Learning from the Perspective of Mitigating Classification Ability
Disproportion, NeurIPS 2025. Formula: AUG in core/methods/turns.py.

The paper trains the layers that it adds. The released code makes its optimizer once, before it adds
any (train_CREMAD.py:201, 224, 228), so they keep their random weights, and only the encoders and
the shared last layer train on them. variant=code, the default, does the same, because published
numbers come from that code; variant=paper trains them.

Departures from the released code: the fused logits are the mean, there 0.4 of audio and 0.6 of
video; its scheduler steps before each epoch (train_CREMAD.py:212), so its learning rate falls one
epoch earlier; with more than two modalities, which it does not know, the weakest one is compared
with the mean of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.measures.criterion import criterion_loss, factored_loss
from asgml.core.measures.unimodal import SMALLEST_SCORE, true_class_scores
from asgml.core.model.fusion.growing import Growing
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import NEUTRAL, Modulation
from asgml.core.modulators.turns import Turn
from asgml.core.types import PLAIN, Backward, Criterion, Forward
from asgml.storage.format.knobs import Value


class Aug(Modulator):
    """One turn for each modality. `scores` are s_m of the epoch so far, on the device."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.scores = torch.zeros(len(self.modalities))

    def attach(self, context: MethodContext) -> None:
        # other fusions are refused before
        self.fusion = cast(Growing, context.model.fusion)
        self.scores = self.scores.to(context.device)

    def before_epoch(self, epoch: int, strength: float) -> None:
        done = epoch - int(self.options.get("first_epoch", 0))
        if done == 1 or (done > 0 and done % int(self.number("every")) == 0):
            modality = behind(self.scores, self.number("margin"))
            if modality is not None:
                self.fusion.grow(self.modalities[modality])
        self.scores = torch.zeros_like(self.scores)

    def turns(self) -> Sequence[Turn]:
        return tuple(Turn((m,), partial(self.layers_loss, m)) for m in self.modalities)

    def layers_loss(self, modality: str, forward: Forward) -> Tensor:
        """Return L of one modality."""
        fixed = self.text("variant", "code") == "code"
        layers = self.fusion.layer_logits(modality, forward.features[modality], fixed)
        criterion = forward.batch.criterion
        return boosting_loss(layers, forward.labels, self.number("residual"), criterion)

    def modulate(self, backward: Backward) -> Modulation:
        scores = true_class_scores(backward.forward)
        for place, m in enumerate(self.modalities):
            if m in backward.trained:
                self.scores[place] += scores[place]
        return NEUTRAL

    def state_dict(self) -> State:
        return {"scores": self.scores.clone()}

    def load_state_dict(self, state: State) -> None:
        self.scores = state["scores"].to(self.scores.device)


def boosting_loss(
    layers: Float[Tensor, "L B C"], labels: Tensor, residual: float, criterion: Criterion = PLAIN
) -> Tensor:
    """Return L of a head whose layers gave these logits, the newest one last.

    With label smoothing and class weights the target of all three terms is the smoothed, weighted
    label, as in factored_loss.
    """
    loss = criterion_loss(criterion, None, layers.sum(dim=0), labels)
    if len(layers) == 1:
        return loss
    before, newest = layers[:-1].sum(dim=0), layers[-1]
    unknown = 1 - residual * before.detach().softmax(dim=1)
    left_over = factored_loss(criterion, newest.log_softmax(dim=1), labels, unknown)
    return loss + criterion_loss(criterion, None, before, labels) + left_over


def behind(scores: Float[Tensor, "M"], margin: float) -> int | None:
    """Return the place of the modality that is to grow; None where they keep step."""
    values = scores.clamp_min(SMALLEST_SCORE).tolist()
    weakest = min(range(len(values)), key=values.__getitem__)
    others = [value for place, value in enumerate(values) if place != weakest]
    if not others:
        return None
    # of two, as released: first / second < 1 - margin, or > 1 + margin
    ratio = values[weakest] / (sum(others) / len(others))
    return weakest if ratio < (1 / (1 + margin) if weakest else 1 - margin) else None
