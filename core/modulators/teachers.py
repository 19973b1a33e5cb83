"""The answers of teachers, frozen networks of one modality each, to the batch of a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from asgml.core.model.model import MultimodalModel
from asgml.core.types import Batch


@dataclass(frozen=True)
class Answer:
    """What a teacher makes of a batch: features and logits of its modality."""

    features: Float[Tensor, "B D"]
    logits: Float[Tensor, "B C"]


@torch.no_grad()
def ask(teachers: Mapping[str, MultimodalModel], batch: Batch) -> dict[str, Answer]:
    """Return the answer of the teacher of each modality to the inputs as the student sees them."""
    answers = {}
    for m, teacher in teachers.items():
        features = teacher.encode({m: batch.inputs[m]})
        answers[m] = Answer(features[m].float(), teacher.fusion.fuse(features).float())
    return answers


def true_class_probabilities(
    logits: Float[Tensor, "M B C"], labels: Int[Tensor, "B"]
) -> Float[Tensor, "M"]:
    """Return mean softmax(z_m)[y] of each modality, in float32."""
    probabilities = logits.detach().float().softmax(dim=2)
    return probabilities.gather(2, labels.expand(len(logits), -1).unsqueeze(2)).mean(dim=(1, 2))


def stacked_logits(answers: Mapping[str, Answer]) -> Float[Tensor, "M B C"]:
    return torch.stack([answer.logits for answer in answers.values()])
