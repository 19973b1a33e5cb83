"""The sections of a run's configuration: keys, defaults, ranges and what each key means.

Docstrings and descriptions of the sections are texts of the JSON schema (`asgml config schema`).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A table of the configuration: unknown keys are errors, values are checked against ranges."""

    # pydantic takes "inf" for a float, and it passes where there is no upper bound.
    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False)


class DataConfig(Section):
    """The data to train on."""

    name: str = Field(
        "synthetic",
        description="synthetic; NAME:PATH of a data set that `asgml data list` names; or path of "
        "an .npz file or Zarr group of arrays",
    )
    seed: int = Field(
        0,
        ge=0,
        description="seed of generated data and of carved splits; independent of the training seed",
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="options of the data set, such as modalities, frames or workers",
    )


class FusionConfig(Section):
    """The fusion of features into logits."""

    kind: Literal[
        "concat", "sum", "late_mean", "late_weighted", "film", "gated", "shared", "growing"
    ] = Field(
        "concat",
        description="concat: linear layers on joined features; sum: one linear layer per "
        "modality, added; late_mean: one per modality, averaged; late_weighted: averaged by "
        "learned weights; film, gated: the first modality modulates the second; shared: one linear "
        "layer for every modality, a mean of their logits (in evaluation by certainty); growing: "
        "heads that aug gives more layers",
    )
    hidden: int = Field(
        512,
        ge=0,
        description="width between the two linear layers of concat (no activation between them); "
        "0 is a single linear layer",
    )
    alone: Literal["split", "ablation", "heads"] = Field(
        "split",
        description="unimodal logits: exact split of a linear head (in late fusion the modality's "
        "own head), the other modalities' features zero, or an auxiliary head each",
    )


class ProbeConfig(Section):
    """Detached linear probes: how good is each modality's encoder by itself."""

    type: Literal["linear", "mlp_1layer"] = Field("linear", description="probe architecture")
    eval_freq: int = Field(
        20, ge=1, le=100, description="optimizer steps between probe evaluations (usual 10 to 100)"
    )
    train_steps: int = Field(
        10,
        ge=1,
        le=50,
        description="Adam steps that the probe takes at each evaluation (usual 5 to 50)",
    )
    lr: float = Field(1e-3, gt=0, le=1, description="learning rate of the probes' Adam")
    utilization_ema: float = Field(
        0.1, gt=0, le=1, description="weight of the newest probe accuracy in the utilization"
    )
    split_batch: bool = Field(
        True, description="train the probe on the first half of the batch, score it on the second"
    )
    enabled: bool = Field(
        True,
        description="probe at all; the training itself is the same bit for bit either way, unless "
        "a method needs the probes",
    )


class DiagnoseConfig(Section):
    __doc__ = (
        "Measures for the charts alone: "
        "no method reads them, and they change no bit of the training."
    )

    every: int = Field(
        0,
        ge=0,
        description="steps between measurements that take backward passes of their own "
        "(conflict_cosine); 0 is off",
    )
    shapley: bool = Field(
        True,
        description="Shapley values and conditional utilization of the modalities, at each "
        "validation",
    )


class EvalConfig(Section):
    """The evaluations of the splits; the validation split alone chooses the model."""

    every: int = Field(1, ge=1, description="epochs between evaluations of the validation split")
    test: Literal["end", "epoch", "never"] = Field(
        "end",
        description="test split: once at the end with the best-validation model, or after every "
        "evaluation too",
    )
    batch_size: int = Field(256, ge=1, description="batch size while evaluating")


class CheckpointConfig(Section):
    """The checkpoints that a run resumes from."""

    every: int = Field(1, ge=1, description="epochs between checkpoints")
    keep: int = Field(
        2,
        ge=1,
        description="newest checkpoints kept, beside the best one and that before a knob change",
    )
