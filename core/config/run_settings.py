"""The settings of a run that do not depend on the methods."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from asgml.core.config.published import DEFAULT_METHOD, with_published
from asgml.core.config.rules import check_together
from asgml.core.config.sections import (
    CheckpointConfig,
    DataConfig,
    DiagnoseConfig,
    EvalConfig,
    FusionConfig,
    ProbeConfig,
    Section,
)
from asgml.core.config.training_sections import EarlyStoppingConfig, LossConfig, OptimizerConfig
from asgml.core.methods.registry import Method, nearest, parse_method
from asgml.storage.alerts.rules import parse_rules
from asgml.storage.format.knobs import Value

OnNan = Literal["stop", "skip", "go"]
DEVICE = re.compile(r"^(auto|cpu|cuda(:\d+)?)$", re.ASCII)
SHORTHAND = {"data": "name", "encoder": "default", "fusion": "kind"}
"""Sections that a bare word stands for: `encoder=conv` means `encoder.default=conv`."""
ENCODER_KINDS = ("auto", "resnet18", "conv", "sequence", "transformer", "mlp")
"""The kinds of core/model/encoders/build.py, repeated because importing that loads torch."""


class RunSettings(Section):
    """The configuration of a run without the sections of the methods, which RunConfig adds."""

    method: str = Field(DEFAULT_METHOD, description="methods joined by +, see `asgml methods`")
    modulator: str = Field(
        "", description="a user's own modulator, FILE.py:CLASS, composed with the method"
    )
    seed: int = Field(0, ge=0, lt=2**31, description="seed of weights, batches, probes and noise")
    device: str = Field(
        "auto",
        description="auto, cpu, cuda or cuda:N",
        json_schema_extra={"pattern": DEVICE.pattern},
    )
    threads: int = Field(0, ge=0, description="CPU threads of the trainer; 0 leaves it to torch")
    epochs: int = Field(100, ge=1, le=100_000, description="epochs")
    batch_size: int = Field(64, ge=4, description="training batch size")
    mixup: float = Field(
        0.0,
        ge=0,
        le=10,
        description="alpha of mixup: shares of two samples are drawn from Beta(alpha, alpha), and "
        "accuracies of training steps count the class of the larger part; 0 is off",
    )
    on_nan: OnNan = Field(
        "stop",
        description="what follows a loss that is NaN or infinite: stop (the run ends as diverged), "
        "skip (the update of that batch is left out; on a GPU each step then waits for it) or go",
    )
    data: DataConfig = DataConfig()
    modalities: list[str] = Field(
        default_factory=list,
        description='modalities to train, in this order, e.g. ["audio"]; empty: all of the data',
    )
    encoder: dict[str, str] = Field(
        {"default": "auto"},
        validate_default=True,
        description="encoder kind or a class of your own, FILE.py:CLASS: default for all, or by "
        "modality",
    )
    freeze: list[str] = Field(
        default_factory=list,
        description='modalities whose encoders keep their weights, e.g. ["audio"]',
    )
    references: dict[str, str] = Field(
        default_factory=dict,
        description="run of each modality trained alone (references.audio=RUN): what it reached "
        "is recorded beside this run, and its network may be a teacher",
    )
    alerts: list[dict[str, Any]] = Field(
        default_factory=list,
        description="alert rules of this run, beside those of the settings (docs/alerts.md)",
    )
    fusion: FusionConfig = FusionConfig()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    probe: ProbeConfig = ProbeConfig()
    diagnose: DiagnoseConfig = DiagnoseConfig()
    eval: EvalConfig = EvalConfig()
    early_stopping: EarlyStoppingConfig = EarlyStoppingConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    @property
    def methods(self) -> list[Method]:
        """The registry rows of `method`, in the order named."""
        return parse_method(self.method)

    @property
    def methods_for_several(self) -> list[str]:
        """The names of the methods that mean nothing with a single modality."""
        return [method.name for method in self.methods if method.fewest > 1]

    def section(self, name: str) -> dict[str, Value]:
        """Return the settings of one method, {"alpha": 0.5, ...}; empty where it has none."""
        section = getattr(self, name, None)
        return section.model_dump() if isinstance(section, Section) else {}

    @model_validator(mode="before")
    @classmethod
    def _expand_shorthand(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        tree = {
            key: {SHORTHAND[key]: value} if key in SHORTHAND and isinstance(value, str) else value
            for key, value in given.items()
        }
        return with_published(tree)

    @field_validator("method")
    @classmethod
    def _known_method(cls, text: str) -> str:
        return "+".join(method.name for method in parse_method(text))

    @field_validator("device")
    @classmethod
    def _known_device(cls, device: str) -> str:
        if not DEVICE.fullmatch(device):
            raise ValueError(f"device = {device!r}: expected auto, cpu, cuda or cuda:N")
        return device

    @field_validator("encoder")
    @classmethod
    def _known_encoders(cls, encoder: dict[str, str]) -> dict[str, str]:
        for kind in encoder.values():
            own = kind.rpartition(":")[0].endswith(".py")
            if kind not in ENCODER_KINDS and not own:
                known = (*ENCODER_KINDS, "FILE.py:CLASS")
                raise ValueError(f"unknown encoder {kind!r}: {nearest(kind, known)}")
        # A recipe may name one modality only: the others keep the default.
        return {"default": "auto", **encoder}

    @field_validator("alerts")
    @classmethod
    def _known_rules(cls, alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        parse_rules(alerts)
        return alerts

    @field_validator("freeze", "modalities", mode="before")
    @classmethod
    def _list_from_text(cls, given: Any) -> Any:
        """Return `audio` and `audio,visual` as lists: on the command line they come as text."""
        if not isinstance(given, str):
            return given
        return [name.strip() for name in given.split(",") if name.strip()]

    @field_validator("modalities")
    @classmethod
    def _each_once(cls, modalities: list[str]) -> list[str]:
        if repeated := [m for m in modalities if modalities.count(m) > 1]:
            raise ValueError(f"modalities names {repeated[0]!r} twice: name each once")
        return modalities

    @model_validator(mode="after")
    def _rules(self) -> RunSettings:
        check_together(self)
        return self
