"""Define the base class of all modulators: the hooks of a method, all neutral by default.

A modulator returns the changes of a step (a Modulation) and never writes a gradient itself, so a
method defines only the hooks that it needs:

    class Half(Modulator):
        def modulate(self, backward):
            return Modulation({(modality, "all"): 0.5 for modality in backward.norms})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import NEUTRAL, Modulation
from asgml.core.modulators.turns import Turn
from asgml.core.types import Backward, Evaluation, Forward, ProbeReading, Repeats, Scalar
from asgml.storage.format.knobs import Knob, Value

State = dict[str, Any]
Features = Mapping[str, Tensor]


class Modulator:
    """Base of all methods, and itself the baseline: every hook is neutral.

    `knobs` are the settings of a user's own modulator (`Knob("mine.level", "float", 0.5, "…", 0,
    1)`); those of the built-in methods stand in core/methods. `modalities` are in the order of the
    data. `options` is a live view of the method's settings: the next step reads a changed knob.
    """

    knobs: ClassVar[tuple[Knob, ...]] = ()

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        self.modalities = tuple(modalities)
        self.options = options

    def attach(self, context: MethodContext) -> None:
        """Receive the model and the data, once, before the first step.

        Raise MethodError where the method cannot work with them.
        """

    def begin_epoch(self, epoch: int) -> None:
        """Start an epoch, counted from 0, before its first step.

        Not called again when a run is resumed in the middle of an epoch.
        """

    def before_epoch(self, epoch: int, strength: float) -> None:
        """Take costly measurements, once in each epoch in which the method acts.

        Called before the first step with `strength` above 0; the only hook that may write weights.
        Where the user raises the strength from 0 in mid-epoch, the method acts without this call.
        """

    def repeats(self) -> Repeats | None:
        """Return the training samples to show once more in the epoch that has begun."""
        return None

    def end_epoch(self, epoch: int, val: Evaluation) -> None:
        """Receive the evaluation of the validation split."""

    def turns(self) -> Sequence[Turn]:
        """Return the turns in which the next batch is trained; none for a single one of all.

        Called once for each batch, before its forward pass. No two turns share a modality.
        """
        return ()

    def before_fusion(self, features: Features, labels: Tensor) -> tuple[Features, Tensor]:
        """Return the fusion's input: features {m: (B, D)} and labels (B,), changed or fewer."""
        return features, labels

    def joint_features(self, features: Features) -> Features:
        """Return the features {m: (B, D)} that the fused logits come from, changed or detached.

        The unimodal logits come from `features`. At a strength below 1, a share of the change.
        """
        return features

    def loss(self, forward: Forward) -> Scalar:
        """Return the terms to add to the loss."""
        return 0.0

    def before_backward(self, forward: Forward, task_loss: Tensor) -> None:
        """Receive the graph of the step, to take gradients from it (with retain_graph)."""

    def modulate(self, backward: Backward) -> Modulation:
        """Return the changes to the gradients of this step."""
        return NEUTRAL

    def drop_step(self) -> None:
        """Forget what was kept of a step, for its gradients are not modulated."""

    def observe(self, reading: ProbeReading) -> None:
        """Receive a probe evaluation; it acts from the next step on."""

    def probe_columns(self) -> dict[str, float]:
        """Return numbers to record beside a probe evaluation, by column name."""
        return {}

    def state_dict(self) -> State:
        """Return the state for a checkpoint: tensors, numbers, text, and dictionaries of those."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Restore what `state_dict` returned."""

    def number(self, option: str) -> float:
        """Return the present value of a numeric option."""
        return float(self.options[option])

    def text(self, option: str, default: str) -> str:
        """Return the present value of a text or choice option."""
        return str(self.options.get(option, default))
