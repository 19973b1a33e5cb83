"""Probes: a small classifier on the detached features of each modality measures its encoder.

No gradient of a probe reaches an encoder: features are detached, each probe has its own Adam, and
all random numbers of the probes come from one generator of theirs. A training with probes is the
same bit for bit as one without.

Source: ASGML v2, section 3.1, after Alain and Bengio, Understanding intermediate layers using
linear classifier probes, ICLR workshop 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn
from torch.nn import functional

from asgml.core.types import ProbeReading

MLP_WIDTH = 256
MLP_DROPOUT = 0.1


class MlpProbe(nn.Module):
    """A classifier with one hidden layer: Linear(D, 256), ReLU, dropout 0.1, Linear(256, C).

    Dropout draws from the probes' generator: nn.Dropout would advance the one that training uses.
    """

    def __init__(self, features: int, classes: int, generator: Generator) -> None:
        super().__init__()
        self.first = nn.Linear(features, MLP_WIDTH)
        self.classifier = nn.Linear(MLP_WIDTH, classes)
        self.generator = generator

    def forward(self, features: Float[Tensor, "B D"]) -> Float[Tensor, "B C"]:
        hidden = functional.relu(self.first(features))
        if self.training:
            drawn = torch.rand(hidden.shape, generator=self.generator, device=hidden.device)
            hidden = hidden * (drawn >= MLP_DROPOUT) / (1 - MLP_DROPOUT)
        return cast(Tensor, self.classifier(hidden))


class Probes:
    """The probes of all modalities, kept through the training, and the utilization they measure."""

    def __init__(
        self,
        widths: Mapping[str, int],
        classes: int,
        *,
        kind: str,
        lr: float,
        device: torch.device,
        seed: int,
    ) -> None:
        """Make a probe of `kind`, linear or mlp_1layer, for each modality of `widths`, {m: D}."""
        self.generator = torch.Generator(device).manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            # Only the CPU's generator is forked; torch.manual_seed would reseed the GPUs' as well.
            torch.default_generator.manual_seed(seed)
            self.networks = {
                m: self._make(kind, width, classes).to(device) for m, width in widths.items()
            }
        self.optimizers = {
            m: torch.optim.Adam(network.parameters(), lr=lr) for m, network in self.networks.items()
        }
        self.utilization = dict.fromkeys(widths, 0.0)

    def read(
        self,
        features: Mapping[str, Tensor],
        labels: Int[Tensor, "B"],
        *,
        train_steps: int,
        split_batch: bool = True,
        utilization_ema: float = 0.1,
    ) -> ProbeReading:
        """Train each probe on the first half of a batch and score it on the second half.

        The accuracies enter the utilization with weight `utilization_ema`. Without `split_batch`
        both happen on the whole batch, which overstates the accuracy.
        """
        half = len(labels) // 2 if split_batch else len(labels)
        held_out = slice(half if split_batch else 0, None)
        # float32 also under mixed precision, as the probes' weights are.
        detached = {m: feature.detach().float() for m, feature in features.items()}
        for m, feature in detached.items():
            self._train(m, feature[:half], labels[:half], train_steps)
        scores = {
            m: self.score(m, feature[held_out], labels[held_out]) for m, feature in detached.items()
        }
        accuracy = {m: score[0] for m, score in scores.items()}
        loss = {m: score[1] for m, score in scores.items()}
        self._update_utilization(accuracy, utilization_ema)
        return ProbeReading(accuracy, loss, dict(self.utilization))

    @torch.no_grad()
    def score(
        self, modality: str, features: Float[Tensor, "N D"], labels: Int[Tensor, "N"]
    ) -> tuple[float, float]:
        """Return the accuracy in [0, 1] and the mean cross-entropy, in nat, of one probe."""
        logits = self.networks[modality].eval()(features.float())
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        return float(accuracy), float(functional.cross_entropy(logits, labels))

    @property
    def gap(self) -> float:
        """The largest minus the smallest utilization; 0 is balanced."""
        return max(self.utilization.values()) - min(self.utilization.values())

    def state_dict(self) -> dict[str, Any]:
        return {
            "networks": {m: network.state_dict() for m, network in self.networks.items()},
            "optimizers": {m: optimizer.state_dict() for m, optimizer in self.optimizers.items()},
            "utilization": dict(self.utilization),
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for m, network in self.networks.items():
            network.load_state_dict(state["networks"][m])
            self.optimizers[m].load_state_dict(state["optimizers"][m])
        self.utilization = dict(state["utilization"])
        self.generator.set_state(state["generator"].cpu())

    def _make(self, kind: str, width: int, classes: int) -> nn.Module:
        if kind == "linear":
            return nn.Linear(width, classes)
        return MlpProbe(width, classes, self.generator)

    def _update_utilization(self, accuracy: Mapping[str, float], weight: float) -> None:
        for m, newest in accuracy.items():
            self.utilization[m] = weight * newest + (1 - weight) * self.utilization[m]

    def _train(self, modality: str, features: Tensor, labels: Tensor, steps: int) -> None:
        network, optimizer = self.networks[modality].train(), self.optimizers[modality]
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(network(features), labels)
            torch.autograd.backward(loss)
            optimizer.step()
