"""Combine several modulators into one that the training step calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from asgml.core.modulators.base import Features, Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation, compose
from asgml.core.modulators.turns import Turn
from asgml.core.types import Backward, Evaluation, Forward, ProbeReading, Repeats, Scalar


class Composed(Modulator):
    """Several modulators by name, called in order; an empty composition changes nothing."""

    def __init__(self, modalities: Sequence[str], members: Mapping[str, Modulator]) -> None:
        super().__init__(modalities, {})
        self.members = dict(members)
        self.whole = Turn(self.modalities)

    def attach(self, context: MethodContext) -> None:
        for member in self.members.values():
            member.attach(context)

    def begin_epoch(self, epoch: int) -> None:
        for member in self.members.values():
            member.begin_epoch(epoch)

    def repeats(self) -> Repeats | None:
        """Return those of all members together."""
        stated = [each for member in self.members.values() if (each := member.repeats())]
        if not stated:
            return None
        return Repeats(
            torch.cat([each.samples for each in stated]),
            {m: torch.cat([each.present[m] for each in stated]) for m in self.modalities},
        )

    def end_epoch(self, epoch: int, val: Evaluation) -> None:
        for member in self.members.values():
            member.end_epoch(epoch, val)

    def turns(self) -> Sequence[Turn]:
        """Return the turns that a member states, or one turn of all modalities."""
        stated = [turns for member in self.members.values() if (turns := member.turns())]
        return stated[0] if stated else (self.whole,)

    def before_fusion(self, features: Features, labels: Tensor) -> tuple[Features, Tensor]:
        for member in self.members.values():
            features, labels = member.before_fusion(features, labels)
        return features, labels

    def joint_features(self, features: Features) -> Features:
        for member in self.members.values():
            features = member.joint_features(features)
        return features

    def before_backward(self, forward: Forward, task_loss: Tensor) -> None:
        for member in self.members.values():
            member.before_backward(forward, task_loss)

    def loss(self, forward: Forward) -> Scalar:
        return _total(member.loss(forward) for member in self.members.values())

    def modulate(self, backward: Backward) -> Modulation:
        modulation = compose(member.modulate(backward) for member in self.members.values())
        headless = frozenset(m for m, group in backward.groups.items() if not group.head)
        return replace(modulation, headless=headless)

    def drop_step(self) -> None:
        for member in self.members.values():
            member.drop_step()

    def observe(self, reading: ProbeReading) -> None:
        for member in self.members.values():
            member.observe(reading)

    def probe_columns(self) -> dict[str, float]:
        columns: dict[str, float] = {}
        for member in self.members.values():
            columns |= member.probe_columns()
        return columns

    def state_dict(self) -> State:
        return {name: member.state_dict() for name, member in self.members.items()}

    def load_state_dict(self, state: State) -> None:
        for name, member in self.members.items():
            member.load_state_dict(state[name])


def _total(terms: Iterable[Scalar]) -> Scalar:
    """Return the sum of the terms that are not the number 0, so that no term leaves no graph."""
    total: Scalar = 0.0
    for term in terms:
        if isinstance(term, Tensor) or term:
            total = total + term
    return total
