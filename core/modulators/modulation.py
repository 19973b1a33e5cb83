"""Describe the changes to the gradients of one step as data.

    for every parameter p of encoder m:   g_p <- gain_m * d_p + noise_m * std(d_p) * N(0, 1)

So too for the weights of the head that belong to m, where a method names them (rule "head"). d_p is
the gradient, or the direction that a method puts in its place. Composition is arithmetic: gains
multiply, noise levels add in quadrature, so the order of two methods does not matter; only one
method may give directions. A method may also ask for another learning rate of a modality's encoder,
lr_m = rate_m * lr; rates multiply too. `apply` (apply.py) writes it into the gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TypeVar

import torch
from torch import Tensor

from asgml.core.types import Scalar

Key = tuple[str, str]
"""A modality, and a Rule: its parameters that are meant."""

HEAD = "head"


@dataclass(frozen=True)
class Modulation:
    """Gains and noise levels by modality and rule; a missing key leaves the gradient as it is.

    gains       factors of the gradients
    noise       levels, in units of each gradient's standard deviation before any gain
    directions  tensors in place of a modality's gradients, in the order of
                `ParameterGroup.gradients("all")`
    rates       factors of the learning rate of whole encoders, in this step
    factors     to record: this method's share of the gain, by column (`throttle/audio`)
    readings    to record: what the method measured, by column (`discrepancy/audio`)
    passed      to record: gains by modality that its gradients carry out of backward already
    clip        largest norm of all gradients of the model together in this step
    head_directions
                tensors in place of gradients of the head, by parameter
    headless    modalities without a part of the head, on which no gain can act
    """

    gains: Mapping[Key, Scalar] = field(default_factory=dict)
    noise: Mapping[Key, Scalar] = field(default_factory=dict)
    directions: Mapping[str, Sequence[Tensor]] = field(default_factory=dict)
    rates: Mapping[str, Scalar] = field(default_factory=dict)
    factors: Mapping[str, Scalar] = field(default_factory=dict)
    readings: Mapping[str, Scalar] = field(default_factory=dict)
    passed: Mapping[str, Scalar] = field(default_factory=dict)
    clip: Scalar | None = None
    head_directions: Mapping[Tensor, Tensor] = field(default_factory=dict)
    headless: frozenset[str] = frozenset()

    def __mul__(self, other: Modulation) -> Modulation:
        """Return both modulations at once. Raise ValueError where both have directions."""
        if (self.directions and other.directions) or (
            self.head_directions and other.head_directions
        ):
            raise ValueError(
                "two methods replace gradients, which only one can; leave one of them out"
            )
        return Modulation(
            _merge(self.gains, other.gains, _product),
            _merge(self.noise, other.noise, _quadrature),
            self.directions or other.directions,
            _merge(self.rates, other.rates, _product),
            _merge(self.factors, other.factors, _product),
            {**self.readings, **other.readings},
            _merge(self.passed, other.passed, _product),
            _smaller(self.clip, other.clip),
            self.head_directions or other.head_directions,
            self.headless | other.headless,
        )

    def scaled(self, strength: float) -> Modulation:
        """Return a share of the modulation: nothing at strength 0, all of it at 1.

        Directions and the clip have no halfway: they are taken for any strength above 0.
        """
        if strength == 0:
            # No gains at all, not gains of 1: then no gradient is touched and no noise is drawn.
            return Modulation(factors=dict.fromkeys(self.factors, 1.0), readings=self.readings)
        if strength == 1:
            return self
        gains = {key: _towards_one(gain, strength) for key, gain in self.gains.items()}
        factors = {name: _towards_one(factor, strength) for name, factor in self.factors.items()}
        noise = {key: strength * level for key, level in self.noise.items()}
        rates = {modality: _towards_one(rate, strength) for modality, rate in self.rates.items()}
        passed = {modality: _towards_one(gain, strength) for modality, gain in self.passed.items()}
        return replace(self, gains=gains, noise=noise, rates=rates, factors=factors, passed=passed)

    def with_heads(self) -> Modulation:
        """Return the same with each encoder's gain on its part of the head too."""
        heads = {(m, HEAD): self._given(m) for m, _ in self.gains}
        return replace(self, gains={**heads, **self.gains})

    @property
    def acts(self) -> bool:
        """False where no gradient is to be changed."""
        return bool(self.gains or self.noise or self.directions or self.head_directions)

    def gain(self, modality: str) -> Scalar:
        """Return the whole gain of a modality's kernels."""
        return self._given(modality) * self.passed.get(modality, 1.0)

    def _given(self, modality: str) -> Scalar:
        """Return the gain of its kernels that is to be applied."""
        return self.gains.get((modality, "kernels"), 1.0) * self.gains.get((modality, "all"), 1.0)

    def head_gain(self, modality: str) -> Scalar:
        """Return the gain of the modality's part of the head, 1 where it has none."""
        if modality in self.headless:
            return 1.0
        return self.gains.get((modality, HEAD), 1.0) * self.passed.get(modality, 1.0)

    def noise_level(self, modality: str) -> Scalar:
        """Return the whole noise level of a modality's kernels."""
        kernels = self.noise.get((modality, "kernels"), 0.0)
        return _quadrature(kernels, self.noise.get((modality, "all"), 0.0))


NEUTRAL = Modulation()


def compose(modulations: Iterable[Modulation]) -> Modulation:
    return reduce(lambda ours, theirs: ours * theirs, modulations, NEUTRAL)


T = TypeVar("T", Key, str)


def _merge(
    ours: Mapping[T, Scalar], theirs: Mapping[T, Scalar], join: Callable[[Scalar, Scalar], Scalar]
) -> dict[T, Scalar]:
    both = {key: join(ours[key], theirs[key]) for key in ours.keys() & theirs.keys()}
    return {**ours, **theirs, **both}


def _product(ours: Scalar, theirs: Scalar) -> Scalar:
    return ours * theirs


def _quadrature(ours: Scalar, theirs: Scalar) -> Scalar:
    """Return the level of two independent noises together."""
    total: Scalar = (ours * ours + theirs * theirs) ** 0.5
    return total


def _smaller(ours: Scalar | None, theirs: Scalar | None) -> Scalar | None:
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    return torch.minimum(torch.as_tensor(ours), torch.as_tensor(theirs))


def _towards_one(factor: Scalar, strength: float) -> Scalar:
    return 1 + strength * (factor - 1)
