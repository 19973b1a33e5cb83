"""Limit a modulator to a window of epochs, with a ramp at its start and a strength."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from asgml.core.methods.spec import ENDLESS
from asgml.core.modulators.base import Features, Modulator, State
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.modulators.turns import Turn
from asgml.core.types import Backward, Evaluation, Forward, ProbeReading, Repeats, Scalar


class Windowed(Modulator):
    """Modulator that acts from `first_epoch` to `last_epoch`, both included.

    Outside the window the inner method still observes, so its state is current when the window
    opens. `open` and `ramp` hold for the whole epoch: a changed window knob acts in the next one.
    """

    def __init__(self, inner: Modulator) -> None:
        super().__init__(inner.modalities, inner.options)
        self.inner = inner
        self.last_prepared_epoch = -1
        self._enter_epoch(0)

    @property
    def current_strength(self) -> float:
        """0 outside the window; inside it `strength` times the ramp."""
        return self.number("strength") * self.ramp

    def begin_epoch(self, epoch: int) -> None:
        self._enter_epoch(epoch)
        self.inner.begin_epoch(epoch)
        if self.current_strength > 0 and epoch > self.last_prepared_epoch:
            self.inner.before_epoch(epoch, self.current_strength)
            self.last_prepared_epoch = epoch

    def _enter_epoch(self, epoch: int) -> None:
        """Set `open`, and `ramp`: linear over the first `ramp_epochs` epochs, then 1."""
        first, last = int(self.number("first_epoch")), int(self.number("last_epoch"))
        self.open = first <= epoch and (epoch <= last or last == ENDLESS)
        # + 1: the first epoch of the window already acts, and a ramp of 0 epochs is 1 at once.
        grown = min(1.0, (epoch - first + 1) / (self.number("ramp_epochs") + 1))
        self.ramp = grown if self.open else 0.0

    def attach(self, context: MethodContext) -> None:
        self.inner.attach(context)

    def repeats(self) -> Repeats | None:
        return self.inner.repeats() if self.current_strength > 0 else None

    def end_epoch(self, epoch: int, val: Evaluation) -> None:
        self.inner.end_epoch(epoch, val)

    def turns(self) -> Sequence[Turn]:
        turns = self.inner.turns()
        # Turns have no halfway: they are taken for any strength above 0.
        return turns if self.current_strength > 0 else ()

    def before_fusion(self, features: Features, labels: Tensor) -> tuple[Features, Tensor]:
        if self.current_strength > 0:
            return self.inner.before_fusion(features, labels)
        return features, labels

    def joint_features(self, features: Features) -> Features:
        strength = self.current_strength
        if strength == 0:
            return features
        changed = self.inner.joint_features(features)
        if strength == 1 or changed is features:
            return changed
        return {m: torch.lerp(features[m], each, strength) for m, each in changed.items()}

    def before_backward(self, forward: Forward, task_loss: Tensor) -> None:
        if self.current_strength > 0:
            self.inner.before_backward(forward, task_loss)

    def loss(self, forward: Forward) -> Scalar:
        strength = self.current_strength
        # Left out at 0, not multiplied: zero times an infinite loss would be NaN.
        return strength * self.inner.loss(forward) if strength else 0.0

    def modulate(self, backward: Backward) -> Modulation:
        modulation = self.inner.modulate(backward).scaled(self.current_strength)
        heads = self.text("scope", "encoder") == "encoder+head"
        return modulation.with_heads() if heads else modulation

    def drop_step(self) -> None:
        self.inner.drop_step()

    def observe(self, reading: ProbeReading) -> None:
        self.inner.observe(reading)

    def probe_columns(self) -> dict[str, float]:
        return self.inner.probe_columns()

    def state_dict(self) -> State:
        """Return the window as the present epoch found it, for its knobs may have changed since.

        The keys are those of checkpoints of version 0.1.0.
        """
        return {
            "open": self.open,
            "grown": self.ramp,
            "prepared": self.last_prepared_epoch,
            "inner": self.inner.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        self.open, self.ramp = state["open"], state["grown"]
        self.last_prepared_epoch = state["prepared"]
        self.inner.load_state_dict(state["inner"])
