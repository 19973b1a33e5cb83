"""AGM: throttle or boost each modality by its share of the prediction, against its own past.

Li, Li, Hu, Lei, Li, Zhang: Boosting Multi-modal Model Performance with Adaptive Gradient
Modulation, ICCV 2023. Formula: AGM in core/methods/two_sided.py; with two modalities r_m is
exp(s_j - s_m). Shapley values: core/measures/shapley.py.

The released script (variant=code) multiplies what flows back through an identity behind each m_m.
That reaches the fusion too, the encoders' pass over zeros, and the other encoders where m_m depends
on them (film, gated). Here the same gradients come from a term of the loss whose value is 0:

    sum_m (kappa_m - 1) * <dL/dz, m_m>      with dL/dz held constant

variant=paper multiplies the gradient of encoder m, and with scope=encoder+head of its columns of
the fusion, by kappa_m. For a linear fusion the two differ by what flows through zero inputs, by
shared biases, and by the padded passes' batch norm, which takes its running statistics.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.measures.shapley import MOST_MODALITIES, shapley_logits
from asgml.core.measures.task import loss_of
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.types import Backward, Forward, Scalar
from asgml.storage.format.knobs import Value

SMALLEST_PROBABILITY = 1e-8


LARGEST_HEAD_GRADIENT = 1.0
"""A larger number in the head's gradient makes the released script clip all gradients."""


@dataclass(frozen=True)
class Scores:
    """Losses s_m and gains kappa_m of a step."""

    losses: Float[Tensor, "M"]
    gains: Float[Tensor, "M"]


class Agm(Modulator):
    """Two-sided: a modality ahead of its own past is throttled, one behind it is boosted."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.expected = torch.zeros(len(self.modalities))
        self.steps = 0
        self.seen: Scores | None = None

    def attach(self, context: MethodContext) -> None:
        if (count := len(self.modalities)) > MOST_MODALITIES:
            raise MethodError(
                f"agm needs at most {MOST_MODALITIES} modalities "
                f"(it predicts from all 2^M subsets), the data has {count}"
            )
        if self.options["variant"] == "code" and (parts := context.config.optimizer.accumulate) > 1:
            raise MethodError(
                "agm with variant=code weighs what flows back by the whole batch, and "
                f"optimizer.accumulate={parts} parts it; use accumulate=1, or agm.variant=paper"
            )
        self.model = context.model

    def loss(self, forward: Forward) -> Scalar:
        """Return 0, with the gradient that kappa_m - 1 of each m_m adds (variant=code).

        Left to `modulate` where a method dropped samples, of which there are no padded passes.
        """
        dropped = len(forward.labels) < len(forward.batch.labels)
        if self.options["variant"] != "code" or dropped:
            return 0.0
        logits, self.seen = self.scores(forward)
        extra = (self.seen.gains - 1).view(-1, 1, 1) * gradient_of_logits(forward)
        term = (extra * logits).sum()
        return term - term.detach()

    def modulate(self, backward: Backward) -> Modulation:
        scores, self.seen = self.seen, None
        if scores:
            self.remember(scores.losses)
            passed = dict(zip(self.modalities, scores.gains.unbind(), strict=True))
            return Modulation(passed=passed, clip=self.clip_limit())
        with torch.no_grad():
            scores = self.scores(backward.forward)[1]
        self.remember(scores.losses)
        return Modulation(
            gains={(m, "all"): scores.gains[i] for i, m in enumerate(self.modalities)}
        )

    def scores(self, forward: Forward) -> tuple[Float[Tensor, "M B C"], Scores]:
        """Return m_m of all modalities, with a graph where gradients are enabled; and kappa_m."""
        by_modality, labels = shapley_logits(self.model, forward)
        logits = torch.stack([by_modality[m] for m in self.modalities])
        losses = unimodal_losses(logits.detach(), labels)
        expected = self.expected.to(losses.device)  # a resumed state lies on the host
        gains = agm_coefficients(losses, expected, self.number("alpha"), self.number("cap"))
        return logits, Scores(losses, gains)

    def remember(self, losses: Float[Tensor, "M"]) -> None:
        """Take the losses of this step into the mean: tau_m is of the steps before one."""
        self.steps += 1
        expected = self.expected.to(losses.device)
        self.expected = expected + (losses - expected) / self.steps

    def clip_limit(self) -> Tensor | None:
        """Return the script's limit: `clip` where a number of the head's gradient exceeds 1."""
        limit = self.number("clip")
        matrices = [p.grad for p in self.model.fusion.parameters() if p.dim() > 1]
        present = [gradient for gradient in matrices if gradient is not None]
        if not limit or not present:
            return None
        peak = torch.stack(torch._foreach_norm(present, math.inf)).max()
        return torch.where(peak > LARGEST_HEAD_GRADIENT, limit, math.inf)

    def state_dict(self) -> State:
        return {"expected": self.expected, "steps": self.steps}

    def load_state_dict(self, state: State) -> None:
        self.expected, self.steps = state["expected"], int(state["steps"])


def gradient_of_logits(forward: Forward) -> Float[Tensor, "B C"]:
    """Return dL/dz of the task loss at the fused logits."""
    leaf = forward.logits.detach().requires_grad_()
    return torch.autograd.grad(loss_of(forward, leaf), leaf)[0]


def unimodal_losses(logits: Float[Tensor, "M B C"], labels: Tensor) -> Float[Tensor, "M"]:
    """Return s_m, the mean negative log probability of the true class, in nat."""
    # float32: under amp the logits have half the bits.
    true = logits.float().softmax(dim=2).gather(2, labels.expand(len(logits), -1).unsqueeze(2))
    return -true.clamp_min(SMALLEST_PROBABILITY).log().mean(dim=(1, 2))


def lead(losses: Float[Tensor, "M"]) -> Float[Tensor, "M"]:
    """Return r_m, above 1 where a loss is below the mean of all; 1 for a single modality."""
    count = len(losses)
    # max: a single modality has M - 1 = 0 to divide by, and an exponent of 0 anyway.
    return torch.exp(count / max(count - 1, 1) * (losses.mean() - losses))


def agm_coefficients(
    losses: Float[Tensor, "M"], expected: Float[Tensor, "M"], alpha: float, cap: float
) -> Float[Tensor, "M"]:
    """Return kappa_m from the losses of this step and their running mean before it."""
    return torch.exp(alpha * (lead(expected) - lead(losses)).clamp_max(cap))
