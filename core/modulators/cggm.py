"""CGGM: give the modality whose classifier improved most the smallest gradient.

Guo, Jin, Cao, Hu: Classifier-guided Gradient Modulation for Enhanced Multimodal Learning, NeurIPS
2024. Formula: CGGM in core/methods/two_sided.py. L_gm turns the head towards balance; it starts
with the second step. Any number of modalities.

The classifiers see detached features and have their own Adam. g_m and L_gm use the clipped B_m:
the paper has no bounds, and S near 0 gives factors of a million. Its cosine is of gradients, its
code's and this one's of weights, so that L_gm reaches only the output layer. The classifier is
Linear, ReLU, Linear here (features are vectors), and its input to the output layer is as wide as
the fusion's. The paper's clipping of the gradient's norm (0.8) is left out.
"""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from asgml.core.measures.task import correct
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.base import Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.seeds import seed_for
from asgml.core.types import Backward, Forward, Scalar

WIDTH = 128
"""Hidden width of a classifier where there is no output layer to match."""

SUM_FLOOR = 1e-8
"""Added to the sum of the improvements, which is divided by."""


class Cggm(Modulator):
    """The method with its classifiers, trained in every step, also where it does not act."""

    def attach(self, context: MethodContext) -> None:
        self.output = context.model.fusion.output_layer
        if self.output is None and self.options["direction"]:
            raise MethodError(
                "cggm.direction=true needs a fusion with one output layer: "
                "set fusion.kind=concat or cggm.direction=false"
            )
        width = WIDTH if self.output is None else self.output.in_features
        seed = context.config.seed
        self.classifiers = {
            m: make_classifier(m, features, width, context.classes, seed).to(context.device)
            for m, features in context.widths.items()
        }
        parameters = [p for each in self.classifiers.values() for p in each.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=self.number("classifier_lr"))
        self.accuracy = torch.zeros(len(self.modalities), device=context.device)
        self.gain: Tensor | None = None

    def loss(self, forward: Forward) -> Scalar:
        """Return lambda * L_gm, with the gains of the step before."""
        if self.gain is None or self.output is None or not self.options["direction"]:
            return 0.0
        clipped = self.gain / self.number("rho")
        return self.number("lambda") * direction_loss(clipped, self._cosines(self.output))

    def modulate(self, backward: Backward) -> Modulation:
        forward, ema = backward.forward, self.number("ema")
        accuracy = ema * self._train(forward) + (1 - ema) * self.accuracy
        improvement, self.accuracy = accuracy - self.accuracy, accuracy
        self.gain = (self.number("rho") * balance(improvement)).clamp(0, self.number("clamp"))
        return Modulation(gains={(m, "all"): self.gain[i] for i, m in enumerate(self.modalities)})

    def _train(self, forward: Forward) -> Float[Tensor, "M"]:
        """Train the classifiers by one step; return their accuracies before it."""
        # Detached: the classifiers measure the encoders and must not train them.
        logits = [self.classifiers[m](forward.features[m].detach()) for m in self.modalities]
        self.optimizer.zero_grad(set_to_none=True)
        losses = [functional.cross_entropy(each, forward.labels) for each in logits]
        torch.autograd.backward(torch.stack(losses).sum())
        self.optimizer.step()
        return torch.stack([correct(each.detach(), forward.labels).mean() for each in logits])

    def _cosines(self, output: nn.Linear) -> Float[Tensor, "M"]:
        """Return cos(W_m, W), of which only W has a gradient."""
        layers = [cast(nn.Linear, self.classifiers[m][-1]) for m in self.modalities]
        cosines = [
            functional.cosine_similarity(
                layer.weight.detach().flatten(), output.weight.flatten(), dim=0
            )
            for layer in layers
        ]
        return torch.stack(cosines)

    def state_dict(self) -> State:
        return {
            "classifiers": {m: each.state_dict() for m, each in self.classifiers.items()},
            "optimizer": self.optimizer.state_dict(),
            "accuracy": self.accuracy,
            "gain": self.gain,
        }

    def load_state_dict(self, state: State) -> None:
        for m, each in self.classifiers.items():
            each.load_state_dict(state["classifiers"][m])
        self.optimizer.load_state_dict(state["optimizer"])
        self.accuracy = state["accuracy"].to(self.accuracy.device)
        self.gain = None if state["gain"] is None else state["gain"].to(self.accuracy.device)


def make_classifier(
    modality: str, features: int, width: int, classes: int, seed: int
) -> nn.Sequential:
    """Return a classifier whose weights depend only on the modality's name and the run's seed.

    Nothing is drawn from torch's global generator, so no other random number moves.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed_for(f"cggm/{modality}", seed))
        return nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, classes))


def balance(improvement: Float[Tensor, "M"]) -> Float[Tensor, "M"]:
    """Return B_m = (S - d_m) / S with S = sum d + 1e-8."""
    total = improvement.sum() + SUM_FLOOR
    return (total - improvement) / total


def direction_loss(balance: Float[Tensor, "M"], cosines: Float[Tensor, "M"]) -> Tensor:
    """Return L_gm = (sum |B_m| - sum B_m cos_m) / M."""
    return (balance.abs() - balance * cosines).sum() / len(balance)
