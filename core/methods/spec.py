"""What a method is to the program: its name, where it acts, what it needs, its knobs. Light: importing this loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from asgml.storage.format.knobs import Knob, Value

ENDLESS = -1
"""The last epoch of a window that stays open."""

Acts = Literal[
    "nothing",
    "loss",
    "features",
    "after backward",
    "loss and after backward",
    "learning rate",
    "between epochs",
]
"""When in the training a method changes something."""

THROTTLES = "throttle the dominant modality by its discrepancy"
ACCELERATES = "accelerate the weak modality by its discrepancy"
ADDS_UNIMODAL_LOSSES = "add the unimodal losses"
REPLACES_GRADIENTS = "turn the gradients"
SETS_RATES = "set the learning rate of each modality"
DROPS_FEATURES = "drop features before the fusion"
TRAINS_ENCODERS_APART = "weigh a loss of each encoder's own against the joint one"

CHANGES_FUSION_INPUT = "change what the fusion is fed"
RUNS_ENCODERS = "run the encoders on inputs of its own"
READS_DATA = "read the data between epochs"
NEEDS_HEAD = "see the head that the fused logits come out of"
NEEDS_LENGTH = "know how many epochs the training has"
"""With SETS_RATES: what a method may ask of the loop it works in, beyond features, logits and gradients."""


@dataclass(frozen=True)
class Method:
    """One row. `target` is "module:Class", imported only by the trainer; `acts` says when in the step it changes what.

    `exclusive` are things that only one method of a run may do, as a phrase: "both throttle the dominant modality". `scales`
    is true of a method whose whole effect on gradients is to multiply them, which Adam's normalisation takes away.
    `unimodal_loss` is true where its loss trains each modality's own logits. `modalities` is how many the method is defined for;
    None is any number. `asks` are things that not every loop can let it do, each with the setting it asks for it with,
    such as `via=lr` or `schedule=linear|cosine`, or "" where it always does. `class_scores` says in the same way when its rule is
    made of what classes alone have (a probability of the true class, an entropy, a prototype), so that a regression, whose only
    output is a number, cannot use it; None is never.
    """

    name: str
    target: str
    summary: str
    acts: Acts
    source: str
    formula: str
    needs: str = "nothing"
    knobs: tuple[Knob, ...] = ()
    options: tuple[Knob, ...] = ()
    exclusive: tuple[str, ...] = ()
    scales: bool = False
    unimodal_loss: bool = False
    modalities: int | None = None
    requires: Mapping[str, str] = field(default_factory=dict)
    class_scores: str | None = None

    def required(self, section: Mapping[str, Value]) -> list[str]:
        """What it asks of the loop with these settings."""
        return [
            capability
            for capability, setting in self.requires.items()
            if not setting or _is_set(setting, section)
        ]

    def reads_class_scores(self, section: Mapping[str, Value]) -> bool:
        """Whether it does with these settings."""
        return self.class_scores is not None and (
            not self.class_scores or _is_set(self.class_scores, section)
        )

    @property
    def settings(self) -> tuple[Knob, ...]:
        """Everything in the method's configuration section: live knobs first, then what is fixed for a run."""
        return self.knobs + self.options


def _is_set(setting: str, section: Mapping[str, Value]) -> bool:
    name, _, value = setting.partition("=")
    return str(section[name]) in value.split("|")


def window_knobs(owner: str, last: int, first: int = 0) -> tuple[Knob, ...]:
    """The settings that any method has: the epochs it acts in, and how strongly."""
    return (
        Knob(
            f"{owner}.strength",
            "float",
            1.0,
            "how much of the method acts: 0 is plain training, 1 the whole method",
            0,
            1,
            0.1,
        ),
        Knob(
            f"{owner}.first_epoch",
            "int",
            first,
            "first epoch in which the method acts, counted from 0",
            0,
            None,
            1,
            applies="epoch",
        ),
        Knob(
            f"{owner}.last_epoch",
            "int",
            last,
            "last epoch in which the method acts, inclusive; -1 is no end",
            ENDLESS,
            None,
            1,
            applies="epoch",
        ),
    )


def ramp_option(owner: str) -> Knob:
    return Knob(
        f"{owner}.ramp_epochs",
        "int",
        0,
        "epochs over which the method grows to its whole strength",
        0,
        None,
        1,
    )


class MethodError(ValueError):
    """A method that cannot work with this model or data. One line: what it needs, what there is."""
