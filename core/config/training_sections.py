"""The sections of a configuration that say what is minimised, how, and until when.

Docstrings and descriptions of the sections are texts of the JSON schema (`asgml config schema`).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from asgml.core.config.sections import Section


class LossConfig(Section):
    __doc__ = (
        "The loss that is back-propagated: "
        "L_task + gamma * sum of the modalities' own cross-entropies."
        " Label smoothing and class weights act on every cross-entropy that is trained by; "
        "evaluations and each modality's own_loss are plain cross-entropies."
    )

    gamma: float = Field(
        0.0, ge=0, le=10, description="weight of the unimodal losses; 0 is L_task only"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of each label that is spread evenly over all classes"
    )
    class_weights: Literal["none", "balanced"] | list[float] = Field(
        "none",
        description="weight of each class: none, balanced (N / (C * n_c) of the training split), "
        "or a list in the order of the classes",
    )

    @field_validator("class_weights", mode="before")
    @classmethod
    def _known_weights(cls, given: Any) -> Any:
        weights = _numbers_of(given)
        listed = isinstance(weights, list) and len(weights) > 0 and all(map(_is_positive, weights))
        if listed or weights in ("none", "balanced"):
            return weights
        raise ValueError(
            f"loss.class_weights={given!r}: expected none, balanced, or a list of positive "
            "numbers, one for each class, such as 1,2.5"
        )


class OptimizerConfig(Section):
    """The optimizer and the schedule of its learning rate."""

    # The defaults are those of OGM-GE's released code, the field's common protocol on CREMA-D.
    name: Literal["sgd", "adam", "adamw"] = Field(
        "sgd", description="optimizer; adam and adamw divide a constant gain out of the gradient"
    )
    lr: float = Field(1e-3, gt=0, le=10, description="learning rate before decay")
    momentum: float = Field(
        0.9, ge=0, lt=1, description="momentum of sgd, first beta of adam and adamw"
    )
    weight_decay: float = Field(1e-4, ge=0, le=1, description="weight decay")
    schedule: Literal["step", "multistep", "cosine"] = Field(
        "step",
        description="decay of the learning rate: step (every decay_every epochs), multistep (at "
        "milestones) or cosine (down to min_lr over all epochs); counted from the end of the "
        "warm-up, where that is in epochs",
    )
    decay_every: int = Field(70, ge=1, description="step: epochs between decays (StepLR)")
    milestones: list[int] = Field(
        default_factory=list,
        description="multistep: epochs that begin with a decay, e.g. [30, 60]",
    )
    decay: float = Field(0.1, gt=0, le=1, description="factor of each decay")
    min_lr: float = Field(
        0.0, ge=0, le=10, description="the rate that no schedule goes below; cosine ends at it"
    )
    warmup_epochs: int = Field(
        0, ge=0, description="epochs of linear warm-up, the rate of each constant; 0 is none"
    )
    warmup_steps: int = Field(
        0, ge=0, description="steps of linear warm-up instead, in each of which the rate rises"
    )
    warmup_factor: float = Field(
        0.1, gt=0, le=1, description="the warm-up begins at this share of the learning rate"
    )
    clip: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="largest norm of all gradients together, after modulation (so it takes back "
        "part of a boost); 0 is off",
    )
    accumulate: int = Field(
        1,
        ge=1,
        description="micro-batches that a batch is taken in: less memory, the same step but for "
        "batch norm",
    )
    amp: Literal["off", "bf16", "fp16"] = Field(
        "off", description="mixed precision of the forward pass; fp16 scales the loss (GPU)"
    )

    @field_validator("milestones", mode="before")
    @classmethod
    def _list_from_text(cls, given: Any) -> Any:
        """Return `30` and `30,60` as lists: on the command line they come as text."""
        if isinstance(given, int):
            return [given]
        return given.split(",") if isinstance(given, str) else given

    @model_validator(mode="after")
    def _milestones_of_their_schedule(self) -> OptimizerConfig:
        milestones = self.milestones
        if self.schedule != "multistep" and milestones:
            raise ValueError(
                f"optimizer.milestones={milestones} with optimizer.schedule={self.schedule}: "
                "only multistep has milestones; set optimizer.schedule=multistep or leave them out"
            )
        rising = all(one < next_ for one, next_ in pairwise([0, *milestones]))
        if self.schedule == "multistep" and not (milestones and rising):
            raise ValueError(
                f"optimizer.milestones={milestones} with optimizer.schedule=multistep: "
                "expected rising epochs from 1 on, such as [30, 60]"
            )
        return self

    @model_validator(mode="after")
    def _one_warmup(self) -> OptimizerConfig:
        if self.warmup_epochs and self.warmup_steps:
            raise ValueError(
                f"optimizer.warmup_epochs={self.warmup_epochs} with "
                f"optimizer.warmup_steps={self.warmup_steps}: a warm-up has one length; give one"
            )
        return self


class EarlyStoppingConfig(Section):
    """The end of a training that no longer gets better on the validation split."""

    patience: int = Field(
        0,
        ge=0,
        description="evaluations without a better validation score after which the training ends; "
        "0 is off",
    )
    min_delta: float = Field(
        0.0,
        ge=0,
        description="a better score is above the best by more than this (accuracy in [0, 1], or "
        "in a regression the mean absolute error below it)",
    )


def _numbers_of(given: Any) -> Any:
    """Return `1,2.5` as a list: on the command line it comes as text. All else as it is."""
    if not isinstance(given, str) or "," not in given:
        return given
    try:
        return [float(number) for number in given.split(",")]
    except ValueError:
        return given


def _is_positive(weight: Any) -> bool:
    number = isinstance(weight, int | float) and not isinstance(weight, bool)
    return number and 0 < weight < math.inf
