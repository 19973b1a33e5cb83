"""What a modulator is, and how several act together.

A modulator returns what should happen (a Modulation) and never touches a gradient itself. All hooks are neutral by
default, so a method defines only what it needs:

    class Half(Modulator):
        def modulate(self, backward):
            return Modulation({(modality, "all"): 0.5 for modality in backward.norms})
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from asgml.core.methods.spec import ENDLESS
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import NEUTRAL, Modulation, compose
from asgml.core.types import Backward, Evaluation, Forward, ProbeReading, Scalar
from asgml.storage.format.knobs import Knob, Value

State = dict[str, Any]
Features = Mapping[str, Tensor]


class Modulator:
    """The base of all methods, and itself the baseline: it changes nothing.

    `knobs` are the settings that a user's own modulator brings (`Knob("mine.level", "float", 0.5, "…", 0, 1)`); those of
    the program's own methods stand in the registry.

    `modalities` are the names in the order of the data. `options` are the method's settings with their present values: a
    live view, so a knob that a person turns is read by the next step.
    """

    knobs: ClassVar[tuple[Knob, ...]] = ()

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        self.modalities = tuple(modalities)
        self.options = options

    def attach(self, context: MethodContext) -> None:
        """Is given the model and the data, once, before the first step. Raises MethodError where it cannot work with them."""

    def begin_epoch(self, epoch: int) -> None:
        """Is told each epoch, counted from 0, before its first step; not again when a run is resumed in the middle of one."""

    def before_epoch(self, epoch: int, strength: float) -> None:
        """The place for costly measurements, once in each epoch that the method acts in, before its first step.

        The only hook that may write weights. `strength` is above 0. Where a person turns the strength up from 0 in
        mid-epoch, the method begins to act without it.
        """

    def end_epoch(self, epoch: int, val: Evaluation) -> None:
        """Is shown each evaluation of the validation split."""

    def before_fusion(self, features: Features, labels: Tensor) -> tuple[Features, Tensor]:
        """What the fusion is fed: the features {m: (B, D)} and labels (B,), or fewer, or changed."""
        return features, labels

    def loss(self, forward: Forward) -> Scalar:
        """Extra terms of the loss."""
        return 0.0

    def before_backward(self, forward: Forward, task_loss: Tensor) -> None:
        """Is shown the graph of the step while gradients can still be asked of it (with retain_graph)."""

    def modulate(self, backward: Backward) -> Modulation:
        """What should happen to the gradients of this step."""
        return NEUTRAL

    def observe(self, reading: ProbeReading) -> None:
        """Takes note of a probe evaluation; it acts from the next step on."""

    def probe_columns(self) -> dict[str, float]:
        """Numbers to record beside a probe evaluation, under their column names."""
        return {}

    def state_dict(self) -> State:
        """All that must survive a checkpoint: tensors, numbers, text, and dictionaries of those."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """The reverse of `state_dict`."""

    def number(self, option: str) -> float:
        return float(self.options[option])


class Windowed(Modulator):
    """Another modulator inside its window of epochs (both ends included), grown over a ramp, at a strength.

    Outside the window the method still observes, so it knows the state of things when the window opens.
    """

    def __init__(self, inner: Modulator) -> None:
        super().__init__(inner.modalities, inner.options)
        self.inner = inner
        self.prepared = -1  # the last epoch that the method prepared for
        self._look_at(0)

    def begin_epoch(self, epoch: int) -> None:
        self._look_at(epoch)
        self.inner.begin_epoch(epoch)
        if self.present_strength > 0 and epoch > self.prepared:
            self.inner.before_epoch(epoch, self.present_strength)
            self.prepared = epoch

    def _look_at(self, epoch: int) -> None:
        first, last = int(self.number("first_epoch")), int(self.number("last_epoch"))
        self.open = first <= epoch and (epoch <= last or last == ENDLESS)
        self.grown = (
            min(1.0, (epoch - first + 1) / (self.number("ramp_epochs") + 1)) if self.open else 0.0
        )

    def attach(self, context: MethodContext) -> None:
        self.inner.attach(context)

    def end_epoch(self, epoch: int, val: Evaluation) -> None:
        self.inner.end_epoch(epoch, val)

    def before_fusion(self, features: Features, labels: Tensor) -> tuple[Features, Tensor]:
        return (
            self.inner.before_fusion(features, labels)
            if self.present_strength > 0
            else (features, labels)
        )

    def before_backward(self, forward: Forward, task_loss: Tensor) -> None:
        if self.present_strength > 0:
            self.inner.before_backward(forward, task_loss)

    @property
    def present_strength(self) -> float:
        """0 outside the window, inside it `strength`, grown linearly over the first `ramp_epochs` epochs."""
        return self.number("strength") * self.grown

    def loss(self, forward: Forward) -> Scalar:
        strength = self.present_strength
        return (
            strength * self.inner.loss(forward) if strength else 0.0
        )  # zero times an infinite loss would be NaN

    def modulate(self, backward: Backward) -> Modulation:
        return self.inner.modulate(backward).scaled(self.present_strength)

    def observe(self, reading: ProbeReading) -> None:
        self.inner.observe(reading)

    def probe_columns(self) -> dict[str, float]:
        return self.inner.probe_columns()

    def state_dict(self) -> State:
        """With the window as the present epoch found it: the knobs may have been turned since, for the next one."""
        return {
            "open": self.open,
            "grown": self.grown,
            "prepared": self.prepared,
            "inner": self.inner.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        self.open, self.grown, self.prepared = state["open"], state["grown"], state["prepared"]
        self.inner.load_state_dict(state["inner"])


class Composed(Modulator):
    """Several modulators at once; an empty one changes nothing."""

    def __init__(self, modalities: Sequence[str], parts: Mapping[str, Modulator]) -> None:
        super().__init__(modalities, {})
        self.parts = dict(parts)

    def attach(self, context: MethodContext) -> None:
        for part in self.parts.values():
            part.attach(context)

    def begin_epoch(self, epoch: int) -> None:
        for part in self.parts.values():
            part.begin_epoch(epoch)

    def end_epoch(self, epoch: int, val: Evaluation) -> None:
        for part in self.parts.values():
            part.end_epoch(epoch, val)

    def before_fusion(self, features: Features, labels: Tensor) -> tuple[Features, Tensor]:
        for part in self.parts.values():
            features, labels = part.before_fusion(features, labels)
        return features, labels

    def before_backward(self, forward: Forward, task_loss: Tensor) -> None:
        for part in self.parts.values():
            part.before_backward(forward, task_loss)

    def loss(self, forward: Forward) -> Scalar:
        return _total(part.loss(forward) for part in self.parts.values())

    def modulate(self, backward: Backward) -> Modulation:
        return compose(part.modulate(backward) for part in self.parts.values())

    def observe(self, reading: ProbeReading) -> None:
        for part in self.parts.values():
            part.observe(reading)

    def probe_columns(self) -> dict[str, float]:
        return {
            name: value
            for part in self.parts.values()
            for name, value in part.probe_columns().items()
        }

    def state_dict(self) -> State:
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: State) -> None:
        for name, part in self.parts.items():
            part.load_state_dict(state[name])


def _total(terms: Iterable[Scalar]) -> Scalar:
    total: Scalar = 0.0
    for term in terms:
        if isinstance(term, Tensor) or term:
            total = total + term
    return total
