"""CGGM: the modality whose own classifier improved most gets the smallest gradient, and the head is turned towards balance.

Guo, Jin, Cao, Hu: Classifier-guided Gradient Modulation for Enhanced Multimodal Learning, NeurIPS 2024.

    e_m  = accuracy of modality m's classifier on the batch, smoothed: e_m <- ema * newest + (1 - ema) * e_m, from 0
    d_m  = e_m - e_m of the step before;   S = sum_m d_m + 1e-8
    B_m  = (S - d_m) / S                                      sum_m B_m = M - 1
    g_m <- clip(rho * B_m, 0, clamp) * g_m                    all of encoder m
    L_gm = (sum_m |B_m| - sum_m B_m * cos(W_m, W)) / M        W_m, W: output weights of the classifier and of the fusion
    L    = CE(z, y) + lambda * L_gm                           from the second step on, with the B_m of the step before

The classifiers see detached features and have their own Adam. Both formulas use the clipped B_m: the paper has no bounds,
and S near 0 gives factors of a million. Its cosine is of gradients, its code's and this one's of weights, so that L_gm
reaches only the output layer. The classifier is Linear, ReLU, Linear here (features are vectors), and its input to the
output layer is as wide as the fusion's. Its clipping of the gradient's norm (0.8) is left out. Any number of modalities.
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


class Cggm(Modulator):
    """Trains its classifiers in every step, also where it does not act."""

    def attach(self, context: MethodContext) -> None:
        self.output = context.model.fusion.output_layer
        if self.output is None and self.options["direction"]:
            raise MethodError(
                "cggm.direction=true needs a fusion with one output layer: set fusion.kind=concat or cggm.direction=false"
            )
        width = WIDTH if self.output is None else self.output.in_features
        seed = context.config.seed
        self.classifiers = {
            m: classifier(m, d, width, context.classes, seed).to(context.device)
            for m, d in context.widths.items()
        }
        parameters = [
            parameter for made in self.classifiers.values() for parameter in made.parameters()
        ]
        self.optimizer = torch.optim.Adam(parameters, lr=self.number("classifier_lr"))
        self.accuracy = torch.zeros(len(self.modalities), device=context.device)
        self.gain: Tensor | None = None

    def loss(self, forward: Forward) -> Scalar:
        """lambda * L_gm."""
        if self.gain is None or self.output is None or not self.options["direction"]:
            return 0.0
        return self.number("lambda") * direction_loss(
            self.gain / self.number("rho"), self._cosines(self.output)
        )

    def modulate(self, backward: Backward) -> Modulation:
        forward, ema = backward.forward, self.number("ema")
        accuracy = ema * self._train(forward) + (1 - ema) * self.accuracy
        improvement, self.accuracy = accuracy - self.accuracy, accuracy
        self.gain = (self.number("rho") * balance(improvement)).clamp(0, self.number("clamp"))
        return Modulation(gains={(m, "all"): self.gain[i] for i, m in enumerate(self.modalities)})

    def _train(self, forward: Forward) -> Float[Tensor, "M"]:
        """One step of the classifiers; their accuracies before it."""
        logits = [self.classifiers[m](forward.features[m].detach()) for m in self.modalities]
        self.optimizer.zero_grad(set_to_none=True)
        losses = [functional.cross_entropy(own, forward.labels) for own in logits]
        torch.autograd.backward(torch.stack(losses).sum())
        self.optimizer.step()
        return torch.stack([correct(own.detach(), forward.labels).mean() for own in logits])

    def _cosines(self, output: nn.Linear) -> Float[Tensor, "M"]:
        own = [cast(nn.Linear, self.classifiers[m][-1]).weight.detach() for m in self.modalities]
        return torch.stack(
            [
                functional.cosine_similarity(weight.flatten(), output.weight.flatten(), dim=0)
                for weight in own
            ]
        )

    def state_dict(self) -> State:
        return {
            "classifiers": {m: made.state_dict() for m, made in self.classifiers.items()},
            "optimizer": self.optimizer.state_dict(),
            "accuracy": self.accuracy,
            "gain": self.gain,
        }

    def load_state_dict(self, state: State) -> None:
        for m, made in self.classifiers.items():
            made.load_state_dict(state["classifiers"][m])
        self.optimizer.load_state_dict(state["optimizer"])
        self.accuracy = state["accuracy"].to(self.accuracy.device)
        self.gain = None if state["gain"] is None else state["gain"].to(self.accuracy.device)


def classifier(modality: str, features: int, width: int, classes: int, seed: int) -> nn.Sequential:
    """Its weights depend on the modality's name and the run's seed alone, and draw nothing from torch's own generator."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed_for(f"cggm/{modality}", seed))
        return nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, classes))


def balance(improvement: Float[Tensor, "M"]) -> Float[Tensor, "M"]:
    """B_m = (S - d_m) / S with S = sum d + 1e-8."""
    total = improvement.sum() + 1e-8
    return (total - improvement) / total


def direction_loss(balance: Float[Tensor, "M"], cosines: Float[Tensor, "M"]) -> Tensor:
    """L_gm = (sum |B_m| - sum B_m cos_m) / M."""
    return (balance.abs() - balance * cosines).sum() / len(balance)
