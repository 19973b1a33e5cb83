"""AGM: throttle or boost each modality by its share of the prediction, against its own past.

Li, Li, Hu, Lei, Li, Zhang: Boosting Multi-modal Model Performance with Adaptive Gradient
Modulation, ICCV 2023. Formula: AGM in core/methods/two_sided.py; with two modalities r_m is
exp(s_j - s_m). Shapley values: core/measures/shapley.py.

The authors' code multiplies what flows back through an identity behind each m_m. Backpropagation is
linear, so that is the same factor on every gradient of the encoder, as long as m_m depends on
encoder m only: for every fusion that is linear in the features (concat, sum), but for the padded
passes, which take batch norm's running statistics. With film and gated, where each m_m depends on
all encoders, the authors' factors would mix; here encoder m gets kappa_m only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.measures.shapley import MOST_MODALITIES, shapley_logits
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.types import Backward
from asgml.storage.format.knobs import Value

SMALLEST_PROBABILITY = 1e-8


class Agm(Modulator):
    """Two-sided: a modality ahead of its own past is throttled, one behind it is boosted."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.expected = torch.zeros(len(self.modalities))
        self.steps = 0

    def attach(self, context: MethodContext) -> None:
        if (count := len(self.modalities)) > MOST_MODALITIES:
            raise MethodError(
                f"agm needs at most {MOST_MODALITIES} modalities "
                f"(it predicts from all 2^M subsets), the data has {count}"
            )
        self.model = context.model

    def modulate(self, backward: Backward) -> Modulation:
        logits, labels = shapley_logits(self.model, backward.forward)
        losses = unimodal_losses(torch.stack([logits[m] for m in self.modalities]), labels)
        expected = self.expected.to(losses.device)  # a resumed state lies on the host
        gains = agm_coefficients(losses, expected, self.number("alpha"), self.number("cap"))
        # After the gains: tau_m is of the steps before this one.
        self.steps += 1
        self.expected = expected + (losses - expected) / self.steps
        return Modulation(gains={(m, "all"): gains[i] for i, m in enumerate(self.modalities)})

    def state_dict(self) -> State:
        return {"expected": self.expected, "steps": self.steps}

    def load_state_dict(self, state: State) -> None:
        self.expected, self.steps = state["expected"], int(state["steps"])


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
