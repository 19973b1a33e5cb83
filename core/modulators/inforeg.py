"""InfoReg: hold the modality that is ahead near where it was at the beginning of the epoch, while it takes in much.

Huang, Wei, Yang, Hu: Adaptive Unimodal Regulation for Balanced Multimodal Information Acquisition, CVPR 2025.

    F_m(t) = sum over the steps of epoch t of |g_m|^2                     trace of encoder m's Fisher information
    open_m = (F_m(t-1) - F_m(t-2)) / F_m(t-1) > threshold                 the prime learning window, in epoch t
    s_m    = sum_i softmax(z_m)_i[y_i],    gap = s_ahead - s_behind
    g_m    <- g_m + scale * exp(beta * tanh(gap)) * (theta_m - theta_m at the beginning of the epoch)
                                                                          where m is ahead and its window is open

F before the first epoch is 0, so the window is open in the first two epochs. The published code takes scale = 0.95 where
audio is ahead and 0.1 where visual is, sums F over ten epochs, and adds the unimodal losses (here: loss.gamma = 1). Which
modality of three is regulated by which other is not defined in the paper: two modalities only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.measures.unimodal import true_class_scores
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import NEUTRAL, Modulation
from asgml.core.types import Backward
from asgml.storage.format.knobs import Value


class InfoReg(Modulator):
    """Only slows the modality that is ahead; the other keeps its gradient."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.epoch = -1
        self.traces = torch.zeros(
            3, len(self.modalities)
        )  # of this epoch so far, the last, the one before
        self.window = torch.ones(len(self.modalities), dtype=torch.bool)
        self.start: dict[str, list[Tensor]] = {}

    def attach(self, context: MethodContext) -> None:
        if len(self.modalities) != 2:
            raise MethodError(
                f"inforeg compares two modalities, the data has {len(self.modalities)}; leave it out or choose data of two"
            )
        self.groups = context.groups

    def begin_epoch(self, epoch: int) -> None:
        """Moves the traces on, and decides whether the windows are open."""
        if epoch == self.epoch:
            return
        if self.epoch >= 0:
            self.traces = torch.stack(
                [torch.zeros_like(self.traces[0]), self.traces[0], self.traces[1]]
            )
            self.window = in_prime_window(self.traces[1], self.traces[2], self.number("threshold"))
        self.epoch, self.start = epoch, {}

    def before_epoch(self, epoch: int, strength: float) -> None:
        self.start = {
            m: [p.detach().clone() for p in group.kernels + group.others]
            for m, group in self.groups.items()
        }

    def modulate(self, backward: Backward) -> Modulation:
        self.traces = self.traces.to(backward.forward.logits.device)
        if backward.norms:
            self.traces[0] += torch.stack([backward.norms[m] for m in self.modalities]).square()
        if not self.start:
            return NEUTRAL
        pulls = pull_strengths(
            true_class_scores(backward.forward), self.number("beta"), self.number("scale")
        )
        pulls = pulls * self.window.to(pulls.device)
        return Modulation(
            directions={
                m: self.pulled_back(m, pulls[i], backward) for i, m in enumerate(self.modalities)
            }
        )

    def pulled_back(self, modality: str, pull: Tensor, backward: Backward) -> list[Tensor]:
        group = backward.groups[modality]
        pairs = zip(group.kernels + group.others, self.start[modality], strict=True)
        return [
            p.grad + pull * (p.detach() - start.to(p.device))
            for p, start in pairs
            if p.grad is not None
        ]

    def state_dict(self) -> State:
        return {
            "epoch": self.epoch,
            "traces": self.traces.clone(),
            "window": self.window,
            "start": self.start,
        }

    def load_state_dict(self, state: State) -> None:
        self.epoch, self.traces, self.window = (
            int(state["epoch"]),
            state["traces"].clone(),
            state["window"],
        )
        self.start = state["start"]


def in_prime_window(
    now: Float[Tensor, "M"], before: Float[Tensor, "M"], threshold: float
) -> Tensor:
    """Whether the Fisher trace still grows by more than this share of itself; never for a trace of zero."""
    return (now > 0) & (now - before > threshold * now)


def pull_strengths(scores: Float[Tensor, "M"], beta: float, scale: float) -> Float[Tensor, "M"]:
    """scale * exp(beta * tanh(gap)) for the modality ahead, 0 for the other, and for both where they are level."""
    gap = scores - scores.flip(0)
    return torch.where(gap > 0, scale * torch.exp(beta * torch.tanh(gap)), torch.zeros_like(gap))
