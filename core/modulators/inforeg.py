"""InfoReg: hold the modality that is ahead near its weights at the epoch's beginning.

Huang, Wei, Yang, Hu: Adaptive Unimodal Regulation for Balanced Multimodal Information Acquisition,
CVPR 2025. Formula: INFOREG in core/methods/directions.py. F_m is the trace of encoder m's Fisher
information; its growth opens the prime learning window. F before the first epoch is 0, so the
window is open at first: in epochs 0 and 1 (variant=paper), in 0 to 10 (variant=code).

The released script (variant=code) differs from the paper in four ways: the trace of audio, the
first modality, opens the window of both; a trace sums the mean of each layer, not of each number;
it is measured after the pull; means over ten epochs are compared, one epoch apart. The script adds
the unimodal losses too (here: loss.gamma = 1). The regulation of three modalities is not defined in
the paper: two modalities only.
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

EPOCHS = {"paper": 1, "code": 10}
"""Epochs that a trace is the mean of, where its growth is measured."""

CODE_SCALES = 0.95, 0.1
"""Factors of the pull in the released script: where audio is ahead, and where visual is."""


class InfoReg(Modulator):
    """A regularised gradient for the modality that is ahead; the other keeps its own.

    `traces` (E, M) are F of this epoch so far, of the last one, of the one before that, and so on.
    """

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.as_released = options["variant"] == "code"
        self.span = EPOCHS[str(options["variant"])]
        self.epoch = -1
        self.traces = torch.zeros(self.span + 2, len(self.modalities))
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
            self.traces = torch.cat([torch.zeros_like(self.traces[:1]), self.traces[:-1]])
            self.window = self.next_window()
        self.epoch, self.start = epoch, {}

    def next_window(self) -> Tensor:
        """Return for each modality whether its window is open in the epoch that begins."""
        now, before = (self.traces[i : i + self.span].mean(dim=0) for i in (1, 2))
        grew = in_prime_window(now, before, self.number("threshold"))
        return grew[:1].expand(len(grew)).clone() if self.as_released else grew

    def before_epoch(self, epoch: int, strength: float) -> None:
        self.start = {
            m: [p.detach().clone() for p in group.kernels + group.others]
            for m, group in self.groups.items()
        }

    def modulate(self, backward: Backward) -> Modulation:
        self.traces = self.traces.to(backward.forward.logits.device)
        modulation = self.pull(backward) if self.start else NEUTRAL
        self.traces[0] += self.fisher(backward, modulation.directions)
        return modulation

    def pull(self, backward: Backward) -> Modulation:
        scores = true_class_scores(backward.forward)
        pulls = pull_strengths(scores, self.number("beta"), self.number("scale"))
        if self.as_released:
            pulls = pulls * pulls.new_tensor(CODE_SCALES)
        pulls = pulls * self.window.to(pulls.device)
        directions = {m: self.pulled(m, pulls[i], backward) for i, m in enumerate(self.modalities)}
        return Modulation(directions=directions)

    def fisher(
        self, backward: Backward, directions: Mapping[str, Sequence[Tensor]]
    ) -> Float[Tensor, "M"]:
        """Return this step's term of each trace: |g|^2, as released the layers' means of g^2."""
        if self.as_released:
            gradients = {m: group.gradients("all") for m, group in backward.groups.items()}
            terms = [layer_means({**gradients, **directions}.get(m, [])) for m in self.modalities]
            return torch.stack([term.to(self.traces.device) for term in terms])
        if not backward.norms:
            return torch.zeros_like(self.traces[0])
        return torch.stack([backward.norms[m] for m in self.modalities]).square()

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


def layer_means(gradients: Sequence[Tensor]) -> Tensor:
    """Return the sum of the mean squares of the weights, by layer; biases and norms are left out.

    As the released script, which reads the weights of convolutions and linear layers.
    """
    layers = [gradient for gradient in gradients if gradient.dim() > 1]
    if not layers:
        return torch.zeros(())
    # One kernel for all layers.
    norms = torch.stack(torch._foreach_norm(layers))
    return (norms.square() / norms.new_tensor([layer.numel() for layer in layers])).sum()


def in_prime_window(
    now: Float[Tensor, "M"], before: Float[Tensor, "M"], threshold: float
) -> Tensor:
    """Return where the Fisher trace grew by more than this share of itself; not where it is 0."""
    return (now > 0) & (now - before > threshold * now)


def pull_strengths(scores: Float[Tensor, "M"], beta: float, scale: float) -> Float[Tensor, "M"]:
    """Return scale * exp(beta * tanh(gap)) for the modality ahead, 0 for the other or on a tie."""
    gap = scores - scores.flip(0)
    return torch.where(gap > 0, scale * torch.exp(beta * torch.tanh(gap)), torch.zeros_like(gap))
