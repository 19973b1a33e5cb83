"""G2D: distil a teacher of each modality into the joint model, while the strongest one is held.

Rakib and Bagavathi, G2D: Boosting Multimodal Learning with Gradient-Guided Distillation, ICCV 2025.
Formula: G2D in core/methods/teachers.py; the part that holds a modality is SMP (smp.py).

Every teacher's logits are compared with the fused logits of the student, not with the unimodal
ones; every teacher's features with those of the student's encoder, so both need the same width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from asgml.core.methods.spec import ENDLESS, MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import NEUTRAL, Modulation
from asgml.core.modulators.smp import holding, score_columns
from asgml.core.modulators.teachers import ask, stacked_logits, true_class_probabilities
from asgml.core.types import Backward, Forward, Scalar
from asgml.storage.format.knobs import Value


class G2d(Modulator):
    """Adds the distillation losses, and multiplies the strongest modality's kernels by 0."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.holds = self.holds_in(0)
        # of the micro-batches of this step: scores of the teachers, each times its samples
        self.scores: list[Tensor] = []

    def attach(self, context: MethodContext) -> None:
        self.teachers = context.teachers
        for m, width in context.widths.items():
            theirs = self.teachers[m].encoders[m].features
            if theirs != width:
                raise MethodError(
                    f"g2d compares features: the encoder of {m} gives {width}, its teacher's "
                    f"{theirs}; train both with the same encoder.{m}"
                )

    def begin_epoch(self, epoch: int) -> None:
        self.holds = self.holds_in(epoch)

    def holds_in(self, epoch: int) -> bool:
        last = int(self.number("smp_last_epoch"))
        return bool(self.options["smp"]) and (last == ENDLESS or epoch <= last)

    def loss(self, forward: Forward) -> Scalar:
        if len(forward.labels) != len(forward.batch.labels):
            raise ValueError(
                "g2d compares every sample with its teachers' answers; "
                "a method that drops samples cannot be composed with it"
            )
        answers = ask(self.teachers, forward.batch)
        scores = true_class_probabilities(stacked_logits(answers), forward.labels)
        self.scores.append(scores * len(forward.labels))
        weights = self.number("logits"), self.number("features")
        terms = [
            weights[0] * distillation(forward.logits, answer.logits)
            + weights[1] * functional.mse_loss(forward.features[m].float(), answer.features)
            for m, answer in answers.items()
        ]
        return torch.stack(terms).sum()

    def modulate(self, backward: Backward) -> Modulation:
        # without scores the loss was left out: outside the window, or at strength 0
        collected, self.scores = self.scores, []
        if not collected:
            return NEUTRAL
        scores = torch.stack(collected).sum(dim=0) / len(backward.forward.labels)
        gains = holding(scores, 1, self.modalities) if self.holds else {}
        return Modulation(gains=gains, readings=score_columns(scores, self.modalities))

    def drop_step(self) -> None:
        self.scores = []

    def state_dict(self) -> State:
        return {"holds": self.holds}

    def load_state_dict(self, state: State) -> None:
        self.holds = bool(state["holds"])


def distillation(student: Float[Tensor, "B C"], teacher: Float[Tensor, "B C"]) -> Float[Tensor, ""]:
    """Return KL(softmax(teacher) || softmax(student)), mean over the samples, in nat."""
    log_student = student.float().log_softmax(dim=1)
    return functional.kl_div(
        log_student, teacher.log_softmax(dim=1), reduction="batchmean", log_target=True
    )
