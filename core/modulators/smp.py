"""SMP: hold the strongest modality still, so that the weaker ones lead the training for a while.

Sequential modality prioritisation of G2D: Rakib and Bagavathi, Gradient-Guided Distillation, ICCV
2025. Formula: SMP in core/methods/teachers.py.

The released code has two modalities and holds the one whose teacher is surer of the true classes of
the batch; on a tie it stops, here nothing is held. For more modalities there are two readings:
`strongest` holds one in the whole window; `sequential` cuts the window into M - 1 equal stages and
holds M - 1 modalities in the first, one less in each stage after it, so that each modality leads.
With two modalities they are the same. Only kernels are held: normalisation and biases learn on, and
momentum and weight decay move kernels too, as in the released code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.methods.spec import ENDLESS, MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import NEUTRAL, Modulation
from asgml.core.modulators.teachers import ask, stacked_logits, true_class_probabilities
from asgml.core.types import Backward, Forward, Scalar
from asgml.storage.format.knobs import Value

NEWEST = 0.1
"""Weight of the newest score in the running mean of signal=own."""


class Smp(Modulator):
    """Multiplies the kernels' gradients of the strongest modalities by 0."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.epochs = 0
        self.running = torch.zeros(len(self.modalities))
        self.steps = 0
        self.held = self.held_in(0)

    def attach(self, context: MethodContext) -> None:
        self.teachers = context.teachers
        self.epochs = context.config.epochs
        self.order = torch.zeros(len(self.modalities), device=context.device)
        if self.signal == "order":
            ranks = ranks_of(self.text("order", ""), self.modalities)
            self.order = torch.tensor(ranks, device=context.device)
        self.held = self.held_in(0)

    @property
    def signal(self) -> str:
        return self.text("signal", "teachers")

    def begin_epoch(self, epoch: int) -> None:
        self.held = self.held_in(epoch)

    def held_in(self, epoch: int) -> int:
        """Return how many of the strongest modalities are held in an epoch; 0 outside the window.

        Known before the step, so that teachers are asked only where their answer counts.
        """
        first, last = int(self.number("first_epoch")), int(self.number("last_epoch"))
        end = max(self.epochs - 1, first) if last == ENDLESS else last
        if not first <= epoch <= (epoch if last == ENDLESS else last):
            return 0
        stages = len(self.modalities) - 1
        if self.text("schedule", "strongest") == "strongest":
            return min(1, stages)
        stage = (epoch - first) * stages // (end - first + 1)
        return max(stages - stage, 1)

    def modulate(self, backward: Backward) -> Modulation:
        if self.signal == "own":
            self.keep_scores(backward.forward)
        if not self.held:
            return NEUTRAL
        scores, readings = self.scores(backward.forward)
        return Modulation(gains=holding(scores, self.held, self.modalities), readings=readings)

    def scores(self, forward: Forward) -> tuple[Float[Tensor, "M"], dict[str, Scalar]]:
        """Return the strength of each modality, and its columns where teachers tell it."""
        if self.signal == "own":
            return self.running, {}
        if self.signal == "order":
            return self.order, {}
        answers = ask(self.teachers, forward.batch)
        scores = true_class_probabilities(stacked_logits(answers), forward.batch.labels)
        return scores, score_columns(scores, self.modalities)

    def keep_scores(self, forward: Forward) -> None:
        """Take the scores of the unimodal logits into their running mean, from the first on."""
        logits = torch.stack([forward.unimodal_logits[m] for m in self.modalities])
        scores = true_class_probabilities(logits, forward.labels)
        self.steps += 1
        running = self.running.to(scores.device)
        self.running = running + max(NEWEST, 1 / self.steps) * (scores - running)

    def state_dict(self) -> State:
        return {"held": self.held, "running": self.running, "steps": self.steps}

    def load_state_dict(self, state: State) -> None:
        self.held, self.steps = int(state["held"]), int(state["steps"])
        self.running = state["running"]


def holding(
    scores: Float[Tensor, "M"], held: int, modalities: Sequence[str]
) -> dict[tuple[str, str], Scalar]:
    """Return gain 0 for the kernels of the `held` modalities of the highest scores, else 1.

    A modality is among them where at least M - held others score lower, so of equal ones none is
    taken before the other.
    """
    lower = (scores.unsqueeze(1) > scores.unsqueeze(0)).sum(dim=1)
    gains = (lower < len(modalities) - held).to(scores.dtype)
    return {(m, "kernels"): gains[i] for i, m in enumerate(modalities)}


def score_columns(scores: Float[Tensor, "M"], modalities: Sequence[str]) -> dict[str, Scalar]:
    return {f"teacher_score/{m}": scores[i] for i, m in enumerate(modalities)}


def ranks_of(order: str, modalities: Sequence[str]) -> list[float]:
    """Return a score for each modality, the highest for the one that `order` names first.

    Raise MethodError unless every modality is named once, as in "audio,visual".
    """
    named = [name.strip() for name in order.split(",") if name.strip()]
    if sorted(named) != sorted(modalities):
        raise MethodError(
            f"smp.order={order!r}: expected every modality once, from the strongest to the "
            f"weakest, such as smp.order={','.join(modalities)}"
        )
    return [float(len(named) - named.index(m)) for m in modalities]
