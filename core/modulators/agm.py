"""AGM: slow down or speed up each modality by how its own share of the prediction compares with its own past.

Li, Li, Hu, Lei, Li, Zhang: Boosting Multi-modal Model Performance with Adaptive Gradient Modulation, ICCV 2023.

    m_m     = Shapley value of modality m's input in the logits              (core/measures/shapley.py)
    s_m     = mean_i -log max(softmax(m_m)_i[y_i], 1e-8)                     nat; lower is better learnt
    r_m     = exp(M / (M - 1) * (mean_j s_j - s_m))                          above 1: m is ahead; M = 2: exp(s_j - s_m)
    tau_m   = the same of S instead of s, S_m the running mean of s_m        what is expected of m; S_m is 0 at first
    kappa_m = exp(alpha * min(tau_m - r_m, cap))
    g_m     <- kappa_m * g_m                                                 all parameters of encoder m

The authors' code multiplies what flows back through an identity behind each m_m. Backpropagation is linear, so that is the
same factor on every gradient of the encoder below, as long as m_m depends on encoder m alone: for every fusion that is
linear in the features (concat, sum), but for the padded passes, which take batch norm's running statistics. With film and
gated, where each m_m depends on all encoders, the authors' factors would mix; here encoder m gets kappa_m alone.
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
    """Two-sided: a modality that is ahead of its own past is throttled, one that is behind it is boosted."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.expected = torch.zeros(len(self.modalities))
        self.steps = 0

    def attach(self, context: MethodContext) -> None:
        if len(self.modalities) > MOST_MODALITIES:
            raise MethodError(
                f"agm needs at most {MOST_MODALITIES} modalities (it predicts from all 2^M subsets), the data has {len(self.modalities)}"
            )
        self.model = context.model

    def modulate(self, backward: Backward) -> Modulation:
        logits, labels = shapley_logits(self.model, backward.forward)
        scores = unimodal_losses(torch.stack([logits[m] for m in self.modalities]), labels)
        expected = self.expected.to(scores.device)
        gains = agm_coefficients(scores, expected, self.number("alpha"), self.number("cap"))
        self.steps += 1
        self.expected = expected + (scores - expected) / self.steps
        return Modulation(gains={(m, "all"): gains[i] for i, m in enumerate(self.modalities)})

    def state_dict(self) -> State:
        return {"expected": self.expected, "steps": self.steps}

    def load_state_dict(self, state: State) -> None:
        self.expected, self.steps = state["expected"], int(state["steps"])


def unimodal_losses(logits: Float[Tensor, "M B C"], labels: Tensor) -> Float[Tensor, "M"]:
    """s_m: mean negative log probability of the true class, in nat."""
    true = logits.float().softmax(dim=2).gather(2, labels.expand(len(logits), -1).unsqueeze(2))
    return -true.clamp_min(SMALLEST_PROBABILITY).log().mean(dim=(1, 2))


def lead(losses: Float[Tensor, "M"]) -> Float[Tensor, "M"]:
    """r_m: above 1 where a modality's loss is below the mean of all; 1 for a single modality."""
    count = len(losses)
    return torch.exp(count / max(count - 1, 1) * (losses.mean() - losses))


def agm_coefficients(
    losses: Float[Tensor, "M"], expected: Float[Tensor, "M"], alpha: float, cap: float
) -> Float[Tensor, "M"]:
    """kappa_m, from the losses of this step and their running mean before it."""
    return torch.exp(alpha * (lead(expected) - lead(losses)).clamp_max(cap))
