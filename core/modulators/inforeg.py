"""InfoReg: hold the modality that is ahead near its weights at the epoch's beginning.

Huang, Wei, Yang, Hu: Adaptive Unimodal Regulation for Balanced Multimodal Information Acquisition,
CVPR 2025. Formula: INFOREG in core/methods/directions.py. F_m is the trace of encoder m's Fisher
information; its growth opens the paper's prime learning window. F before the first epoch is 0, so
the window is open in the first two epochs.

The published code takes scale = 0.95 where audio is ahead and 0.1 where visual is, sums F over ten
epochs, and adds the unimodal losses (here: loss.gamma = 1). Which modality of three is regulated by
which other is not defined in the paper: two modalities only.
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
    """A regularised gradient for the modality that is ahead; the other keeps its own.

    `traces` (3, M) are F of this epoch so far, of the last one and of the one before that.
    """

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.epoch = -1
        self.traces = torch.zeros(3, len(self.modalities))
        self.window = torch.ones(len(self.modalities), dtype=torch.bool)
        self.start: dict[str, list[Tensor]] = {}

    def attach(self, context: MethodContext) -> None:
        if len(self.modalities) != 2:
            raise MethodError(
                f"inforeg compares two modalities, the data has {len(self.modalities)}; "
                "leave it out or choose data of two"
            )
        self.groups = context.groups

    def begin_epoch(self, epoch: int) -> None:
        """Move the traces on by one epoch, and open or close the windows."""
        # Begun already: F of the epoch so far would be lost.
        if epoch == self.epoch:
            return
        if self.epoch >= 0:
            now, last = self.traces[0], self.traces[1]
            self.traces = torch.stack([torch.zeros_like(now), now, last])
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
        scores = true_class_scores(backward.forward)
        pulls = pull_strengths(scores, self.number("beta"), self.number("scale"))
        pulls = pulls * self.window.to(pulls.device)
        directions = {m: self.pulled(m, pulls[i], backward) for i, m in enumerate(self.modalities)}
        return Modulation(directions=directions)

    def pulled(self, modality: str, pull: Tensor, backward: Backward) -> list[Tensor]:
        """Return g + pull * (theta - theta at the epoch's start) of each parameter."""
        group = backward.groups[modality]
        pairs = zip(group.kernels + group.others, self.start[modality], strict=True)
        return [
            p.grad + pull * (p.detach() - start.to(p.device))
            for p, start in pairs
            if p.grad is not None
        ]

    def state_dict(self) -> State:
        # A clone of the traces, which every step adds to in place.
        return {
            "epoch": self.epoch,
            "traces": self.traces.clone(),
            "window": self.window,
            "start": self.start,
        }

    def load_state_dict(self, state: State) -> None:
        self.epoch, self.traces = int(state["epoch"]), state["traces"].clone()
        self.window, self.start = state["window"], state["start"]


def in_prime_window(
    now: Float[Tensor, "M"], before: Float[Tensor, "M"], threshold: float
) -> Tensor:
    """Return where the Fisher trace grew by more than this share of itself; not where it is 0."""
    return (now > 0) & (now - before > threshold * now)


def pull_strengths(scores: Float[Tensor, "M"], beta: float, scale: float) -> Float[Tensor, "M"]:
    """Return scale * exp(beta * tanh(gap)) for the modality ahead, 0 for the other or on a tie."""
    gap = scores - scores.flip(0)
    return torch.where(gap > 0, scale * torch.exp(beta * torch.tanh(gap)), torch.zeros_like(gap))
