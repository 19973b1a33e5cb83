"""Define a method as the program sees it: one row of the table. Light: loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from asgml.storage.format.knobs import Knob, Value

ENDLESS = -1
"""`last_epoch` of a window that stays open."""

Acts = Literal[
    "nothing",
    "loss",
    "features",
    "after backward",
    "loss and after backward",
    "learning rate",
    "between epochs",
    "data",
    "which modalities train",
]
"""Where in the training a method changes something."""

Axis = Literal[
    "reference",
    "gradient coefficient",
    "gradient direction",
    "losses and prototypes",
    "features and samples",
    "who trains when",
    "weights",
    "teachers",
    "capacity",
]
"""The one thing in the training that a method turns; `asgml methods` lists in this order."""

# Actions that only one method of a run may take. Error messages quote them: "both throttle …".
THROTTLES = "throttle the dominant modality by its discrepancy"
ACCELERATES = "accelerate the weak modality by its discrepancy"
ADDS_UNIMODAL_LOSSES = "add the unimodal losses"
REPLACES_GRADIENTS = "replace the gradients"
SETS_RATES = "set the learning rate of each modality"
WRITES_WEIGHTS = "move weights between epochs"
DROPS_FEATURES = "drop features before the fusion"
HOLDS_THE_STRONGEST = "hold the strongest modality"
NEEDS_ALL_SAMPLES = "decide which samples are fused"
RULES_JOINT_LOSS = "decide what the joint loss does to the encoders"
TRAINS_IN_TURNS = "train the modalities in turns"
TRAINS_ENCODERS_APART = "weigh a unimodal loss of each encoder against the joint one"

# Capabilities that the trainer has and an external training loop may lack, with SETS_RATES and
# TRAINS_IN_TURNS.
CHANGES_FUSION_INPUT = "change what the fusion is fed"
RUNS_ENCODERS = "run the encoders on inputs of its own"
READS_DATA = "read the data between epochs"
NEEDS_HEAD = "see the head that the fused logits come out of"
REPEATS_SAMPLES = "show samples once more in an epoch"
NEEDS_LENGTH = "know how many epochs the training has"
TEACHERS = "ask a teacher of each modality"


class MethodError(ValueError):
    """A method that cannot work with this model, data or loop.

    The message is one line: what the method needs, what was given, what to do.
    """


@dataclass(frozen=True)
class Method:
    """One row of the table of methods.

    name           as in `--method NAME`
    axis           the thing in the training that it turns; methods of two axes mostly compose
    target         "module:Class" of the modulator, imported only where it is trained with
    summary        the idea in one line
    acts           where in the training it changes something
    source         the paper
    formula        all of it, one definition a line. z_m: unimodal logits, h_m: features, g_m:
                   gradient and theta_m: weights of encoder m, M: number of modalities, y: classes
    needs          what model, data or run must have, in words
    knobs          settings that can change while the training runs
    options        settings that are fixed for a run
    exclusive      actions that no other method of the run may take
    scales         true where it only multiplies gradients, which Adam's normalisation cancels
    unimodal_loss  true where its loss trains the unimodal logits
    modalities     number of modalities that it is defined for; None is any
    fewest         fewest modalities that it is defined for
    requires       capabilities of the training loop, each with the setting that uses it, such as
                   `via=lr` or `schedule=linear|cosine`; "" is always
    fusion         the kind of fusion that it is defined for, with fusion.alone=split; "" is any
    linear         true where it needs a fusion that is linear in the joined features
    class_scores   the setting whose rule is made of class scores (a probability of the true class,
                   an entropy, a prototype), which a regression lacks; "" is always, None never
    mixes          true where it trains on mixed samples though it is made of class scores: it reads
                   the true class only in the loss of a training, which mixup mixes
    published      settings that it was published with, {key: value}, which a run has where it is
                   given no other; by the setting that they belong to, "" is always
    """

    name: str
    axis: Axis
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
    fewest: int = 2
    requires: Mapping[str, str] = field(default_factory=dict)
    fusion: str = ""
    linear: bool = False
    class_scores: str | None = None
    mixes: bool = False
    published: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    @property
    def settings(self) -> tuple[Knob, ...]:
        """The method's section of the configuration: live knobs first, then fixed options."""
        return self.knobs + self.options

    def required(self, section: Mapping[str, Value]) -> list[str]:
        """Return the capabilities that these settings require of the training loop."""
        return [
            capability
            for capability, setting in self.requires.items()
            if not setting or _is_set(setting, section)
        ]

    def published_with(self, section: Mapping[str, Value]) -> dict[str, Value]:
        """Return the settings that these settings of the method were published with, by key."""
        found: dict[str, Value] = {}
        for setting, values in self.published.items():
            if not setting or _is_set(setting, section):
                found |= values
        return found

    @property
    def takes_turns(self) -> bool:
        """True where it decides which modality trains when."""
        return TRAINS_IN_TURNS in self.exclusive

    @property
    def acts_turn_by_turn(self) -> bool:
        """True where it can act on one modality's gradient without those of the others."""
        reads_all = self.requires.keys() & {RUNS_ENCODERS, NEEDS_HEAD}
        only_scales = self.scales and not self.unimodal_loss and not reads_all
        return only_scales or self.acts in ("learning rate", "between epochs")

    def reads_class_scores(self, section: Mapping[str, Value]) -> bool:
        """Return True where these settings make a rule of class scores."""
        if self.class_scores is None:
            return False
        return not self.class_scores or _is_set(self.class_scores, section)


def _is_set(setting: str, section: Mapping[str, Value]) -> bool:
    name, _, value = setting.partition("=")
    return str(section[name]) in value.split("|")
