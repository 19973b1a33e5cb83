"""The settings of a run that do not depend on the methods, and the rules they obey together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from asgml.core.config.sections import (
    CheckpointConfig,
    DataConfig,
    DiagnoseConfig,
    EarlyStoppingConfig,
    EvalConfig,
    FusionConfig,
    LossConfig,
    OptimizerConfig,
    ProbeConfig,
    Section,
)
from asgml.core.methods.registry import (
    Method,
    RegistryError,
    nearest,
    parse_method,
    short_name,
)
from asgml.storage.format.knobs import Value

SHORTHAND = {"data": "name", "encoder": "default", "fusion": "kind"}
"""Sections that a bare word stands for: `encoder=conv` means `encoder.default=conv`."""
ENCODER_KINDS = ("auto", "resnet18", "conv", "sequence", "transformer", "mlp")
"""The kinds of core/model/encoders/build.py, repeated because importing that loads torch."""


def published_settings(tree: Mapping[str, Any]) -> dict[str, tuple[Value, str]]:
    """Return the settings that the methods of a run set, {key: (value, method)}.

    `tree` are the tables that were given, as in run.toml; what stands there is left out. Of two
    methods that set the same, the first counts. Raise RegistryError for an unknown method.
    """
    found: dict[str, tuple[Value, str]] = {}
    for method in parse_method(str(tree.get("method", RunSettings.model_fields["method"].default))):
        given = tree.get(method.name)
        section = {short_name(knob): knob.initial for knob in method.settings}
        section |= given if isinstance(given, Mapping) else {}
        for key, value in method.published_with(section).items():
            if not _is_given(key, tree):
                found.setdefault(key, (value, method.name))
    return found


def _is_given(key: str, tree: Mapping[str, Any]) -> bool:
    table, _, name = key.rpartition(".")
    section = tree.get(table, {})
    # A table that is no table is refused later, with its own message.
    return not isinstance(section, Mapping) or name in section


def _with_published(tree: dict[str, Any]) -> dict[str, Any]:
    try:
        published = published_settings(tree)
    except RegistryError:  # the validator of `method` says it
        return tree
    for key, (value, _) in published.items():
        table, _, name = key.rpartition(".")
        tree = {**tree, table: {**tree.get(table, {}), name: value}}
    return tree


class RunSettings(Section):
    """The configuration of a run without the sections of the methods, which RunConfig adds."""

    method: str = Field("ogm_ge+boost", description="methods joined by +, see `asgml methods`")
    modulator: str = Field(
        "", description="a user's own modulator, FILE.py:CLASS, composed with the method"
    )
    seed: int = Field(0, ge=0, lt=2**31, description="seed of weights, batches, probes and noise")
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N"
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
        return _with_published(tree)

    @field_validator("method")
    @classmethod
    def _known_method(cls, text: str) -> str:
        return "+".join(method.name for method in parse_method(text))

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
    def _micro_batches_of_two(self) -> RunSettings:
        # Two samples a micro-batch: batch norm has no variance of one.
        accumulate = self.optimizer.accumulate
        if 2 * accumulate > self.batch_size:
            raise ValueError(
                f"optimizer.accumulate={accumulate} with batch_size={self.batch_size}: "
                "a micro-batch has two samples or more; "
                f"give at most {self.batch_size // 2}"
            )
        return self

    @model_validator(mode="after")
    def _warmup_within_the_training(self) -> RunSettings:
        warmup = self.optimizer.warmup_epochs
        if warmup and warmup >= self.epochs:
            raise ValueError(
                f"optimizer.warmup_epochs={warmup} with epochs={self.epochs}: the schedule begins "
                f"after the warm-up; give at most {self.epochs - 1}"
            )
        return self

    @model_validator(mode="after")
    def _heads_are_trained(self) -> RunSettings:
        trained = self.loss.gamma > 0 or any(method.unimodal_loss for method in self.methods)
        if self.fusion.alone == "heads" and not trained:
            raise ValueError(
                "fusion.alone=heads with loss.gamma=0: auxiliary heads would never be trained; "
                "set loss.gamma=1 or fusion.alone=split"
            )
        return self

    @model_validator(mode="after")
    def _two_to_balance(self) -> RunSettings:
        if len(self.modalities) == 1 and (names := self.methods_for_several):
            raise ValueError(one_modality(names[0], self.modalities[0]))
        return self

    @model_validator(mode="after")
    def _probes_where_needed(self) -> RunSettings:
        needing = [method.name for method in self.methods if self._is_guided_by_probes(method)]
        if needing and not self.probe.enabled:
            raise ValueError(
                f"probe.enabled=false with method {self.method}: "
                f"{needing[0]} is guided by the probes; leave them on"
            )
        return self

    @model_validator(mode="after")
    def _one_rule_of_kernels(self) -> RunSettings:
        rules = {
            f"{method.name}.params": self.section(method.name).get("params")
            for method in self.methods
        }
        given = {name: rule for name, rule in rules.items() if rule is not None}
        if len(set(given.values())) > 1:
            listed = ", ".join(f"{name}={rule}" for name, rule in given.items())
            raise ValueError(f"{listed}: a run has one rule; give them the same")
        return self

    def _is_guided_by_probes(self, method: Method) -> bool:
        signal = str(self.section(method.name).get("signal", "probe"))
        return method.needs == "probes" and signal.startswith("probe")


def one_modality(method: str, modality: str) -> str:
    """Return the reason why a method cannot train one modality alone, as one line."""
    return (
        f"{method} balances modalities, and {modality} is trained alone: "
        "use method=baseline or uniform"
    )
