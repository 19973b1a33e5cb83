"""Give a method the training beyond the step at hand: model, data, probes, random numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset
from asgml.core.data.loading.batches import batches_at
from asgml.core.measures.evaluate import evaluate, in_eval_mode
from asgml.core.measures.probes import Probes
from asgml.core.model.model import MultimodalModel
from asgml.core.types import Evaluation, ParameterGroup


@dataclass(frozen=True)
class MethodContext:
    """Model and data of a run, given to every method once, before the first step.

    `generator` lives on `device` and is saved with checkpoints. `probes` are those of the run, to
    score only: a method that trained them would change the readings of all others. None without
    probes. `teachers` are frozen networks of one modality each, for a method that requires them.
    """

    config: RunSettings
    model: MultimodalModel
    groups: Mapping[str, ParameterGroup]
    data: Dataset
    device: torch.device
    generator: Generator
    probes: Probes | None = None
    teachers: Mapping[str, MultimodalModel] = field(default_factory=dict)

    @property
    def classes(self) -> int:
        return len(self.data.classes)

    @property
    def widths(self) -> dict[str, int]:
        """Number of features of each modality, {modality: D}."""
        return {m: encoder.features for m, encoder in self.model.encoders.items()}

    @torch.no_grad()
    def features(
        self, split: str, samples: Int[Tensor, "N"] | None = None
    ) -> tuple[dict[str, Float[Tensor, "N D"]], Int[Tensor, "N"]]:
        """Return features and labels of a split, or of some of its samples, in eval mode."""
        source = self.data.splits[split]
        chosen = torch.arange(len(source)) if samples is None else samples.cpu()
        chunks = torch.split(chosen, self.config.eval.batch_size)
        encoded, labels = [], []
        with in_eval_mode(self.model):
            for batch in batches_at(source, chunks, self.device):
                encoded.append(self.model.encode(batch.inputs))
                labels.append(batch.labels)
        features = {m: torch.cat([chunk[m] for chunk in encoded]) for m in self.model.modalities}
        return features, torch.cat(labels)

    def evaluate(self, split: str, model: MultimodalModel | None = None) -> Evaluation:
        """Return losses and accuracies on a split, of this model or of another one of its kind."""
        chosen = model or self.model
        batch_size = self.config.eval.batch_size
        return evaluate(chosen, None, self.data.splits[split], batch_size, self.device)
