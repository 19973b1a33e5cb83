"""The complete configuration of a run: everything that decides its numbers. Light: importing this loads no torch.

Each section belongs to one part of the core. The sections of the methods are made from the registry, so a new method
brings its own. A live knob bears the name of its setting (`boost.alpha`), with `lr` for `optimizer.lr`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from annotated_types import Ge, Gt, Le
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from asgml.core.methods.registry import (
    METHODS,
    Method,
    RegistryError,
    nearest,
    parse_method,
    short_name,
)
from asgml.storage.format.knobs import Applies, Knob, Value

SHORTHAND = {"data": "name", "encoder": "default", "fusion": "kind"}
"""Sections that a bare word stands for: `encoder=conv` means `encoder.default=conv`."""


class ConfigError(ValueError):
    """A configuration that cannot be used. One line: the key, what was given, what was expected."""


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values are checked against their ranges."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False)


class DataConfig(Section):
    """What is trained on."""

    name: str = Field(
        "synthetic",
        description="synthetic; NAME:PATH of a data set that `asgml data list` names; or path of an .npz file or Zarr group of arrays",
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
    """How features become logits."""

    kind: Literal["concat", "sum", "film", "gated"] = Field(
        "concat",
        description="concat: linear layers on joined features; sum: one linear layer per modality, added; film, gated: the first modality "
        "modulates the second",
    )
    hidden: int = Field(
        512,
        ge=0,
        description="width between the two linear layers of concat (no activation between them); 0 is a single linear layer",
    )
    alone: Literal["split", "ablation", "heads"] = Field(
        "split",
        description="a modality's own logits: exact split of a linear head, the other modalities' features zero, or an auxiliary head each",
    )


class LossConfig(Section):
    """The loss that is back-propagated: L_task + gamma * sum of the modalities' own cross-entropies."""

    gamma: float = Field(
        0.0, ge=0, le=10, description="weight of the unimodal losses; 0 is L_task only"
    )


class OptimizerConfig(Section):
    """The optimizer, with a stepped learning rate."""

    name: Literal["sgd", "adam", "adamw"] = Field(
        "sgd", description="optimizer; adam and adamw divide a constant gain out of the gradient"
    )
    lr: float = Field(1e-3, gt=0, le=10, description="learning rate before decay")
    momentum: float = Field(
        0.9, ge=0, lt=1, description="momentum of sgd, first beta of adam and adamw"
    )
    weight_decay: float = Field(1e-4, ge=0, le=1, description="weight decay")
    decay_every: int = Field(
        70, ge=1, description="epochs between decays of the learning rate (StepLR)"
    )
    decay: float = Field(0.1, gt=0, le=1, description="factor of each decay")
    clip: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="largest norm of all gradients together, after modulation (so it takes back part of a boost); 0 is off",
    )
    accumulate: int = Field(
        1,
        ge=1,
        description="micro-batches that a batch is taken in: less memory, the same step but for batch norm",
    )
    amp: Literal["off", "bf16", "fp16"] = Field(
        "off", description="mixed precision of the forward pass; fp16 scales the loss (GPU)"
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
        description="probe at all; the training itself is the same bit for bit either way, unless a method needs the probes",
    )


class DiagnoseConfig(Section):
    """What is measured for the eye alone: no method reads it, and it changes no bit of the training."""

    every: int = Field(
        0,
        ge=0,
        description="steps between measurements that take backward passes of their own (conflict_cosine); 0 is off",
    )
    shapley: bool = Field(
        True,
        description="Shapley values and conditional utilization of the modalities, at each validation",
    )


class EvalConfig(Section):
    """When the splits are evaluated. The validation split alone chooses the model."""

    every: int = Field(1, ge=1, description="epochs between evaluations of the validation split")
    test: Literal["end", "epoch", "never"] = Field(
        "end",
        description="test split: once at the end with the best-validation model, or after every evaluation too",
    )
    batch_size: int = Field(256, ge=1, description="batch size while evaluating")


class CheckpointConfig(Section):
    """What can be gone on from."""

    every: int = Field(1, ge=1, description="epochs between checkpoints")
    keep: int = Field(2, ge=1, description="newest checkpoints kept, beside the best one")


class RunSettings(Section):
    """The sections that do not depend on the registry."""

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
    data: DataConfig = DataConfig()
    encoder: dict[str, str] = Field(
        {"default": "auto"},
        validate_default=True,
        description="encoder kind: default for all, or by modality",
    )
    freeze: list[str] = Field(
        default_factory=list,
        description='modalities whose encoders keep their weights, e.g. ["audio"]',
    )
    fusion: FusionConfig = FusionConfig()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    probe: ProbeConfig = ProbeConfig()
    diagnose: DiagnoseConfig = DiagnoseConfig()
    eval: EvalConfig = EvalConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, given: Any) -> Any:
        """A bare word for a section that has a main key."""
        if not isinstance(given, dict):
            return given
        return {
            key: {SHORTHAND[key]: value} if key in SHORTHAND and isinstance(value, str) else value
            for key, value in given.items()
        }

    @field_validator("method")
    @classmethod
    def _known_method(cls, text: str) -> str:
        return "+".join(method.name for method in parse_method(text))

    @field_validator("encoder")
    @classmethod
    def _known_encoders(cls, encoder: dict[str, str]) -> dict[str, str]:
        for kind in encoder.values():
            if kind not in ENCODER_KINDS:
                raise ValueError(f"unknown encoder {kind!r}: {nearest(kind, ENCODER_KINDS)}")
        return {"default": "auto", **encoder}

    @field_validator("freeze", mode="before")
    @classmethod
    def _named_in_a_word(cls, given: Any) -> Any:
        """`audio` and `audio,visual` mean lists too."""
        return (
            [word.strip() for word in given.split(",") if word.strip()]
            if isinstance(given, str)
            else given
        )

    @model_validator(mode="after")
    def _micro_batches_of_two(self) -> RunSettings:
        if 2 * self.optimizer.accumulate > self.batch_size:
            given = f"optimizer.accumulate={self.optimizer.accumulate} with batch_size={self.batch_size}"
            raise ValueError(
                f"{given}: a micro-batch has two samples or more; give at most {self.batch_size // 2}"
            )
        return self

    @model_validator(mode="after")
    def _heads_are_trained(self) -> RunSettings:
        if (
            self.fusion.alone == "heads"
            and self.loss.gamma == 0
            and not any(method.unimodal_loss for method in self.methods)
        ):
            raise ValueError(
                "fusion.alone=heads with loss.gamma=0: auxiliary heads would never be trained; set loss.gamma=1 or fusion.alone=split"
            )
        return self

    @model_validator(mode="after")
    def _probes_where_needed(self) -> RunSettings:
        needing = [method.name for method in self.methods if self._is_guided_by_probes(method)]
        if needing and not self.probe.enabled:
            raise ValueError(
                f"probe.enabled=false with method {self.method}: {needing[0]} is guided by the probes; leave them on"
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
            raise ValueError(
                f"{', '.join(f'{name}={rule}' for name, rule in given.items())}: a run has one rule; give them the same"
            )
        return self

    def _is_guided_by_probes(self, method: Method) -> bool:
        return method.needs == "probes" and str(
            self.section(method.name).get("signal", "probe")
        ).startswith("probe")

    @property
    def methods(self) -> list[Method]:
        return parse_method(self.method)

    def section(self, name: str) -> dict[str, Value]:
        """The settings of one method, {"alpha": 0.5, ...}; empty for a method without settings."""
        section = getattr(self, name, None)
        return section.model_dump() if isinstance(section, Section) else {}

    def knobs(self) -> list[Knob]:
        """The live knobs of this run with its own initial values: those of its methods, then those of the trainer."""
        own = [
            _with_initial(knob, self.section(method.name)[short_name(knob)])
            for method in self.methods
            for knob in method.knobs
        ]
        shared = [
            _field_knob("lr", self.optimizer, "lr", step=0.001),
            _field_knob("loss.gamma", self.loss, "gamma", step=0.1),
            _field_knob("optimizer.clip", self.optimizer, "clip", step=0.5),
            _field_knob("diagnose.every", self.diagnose, "every", step=10),
        ]
        probes = [
            _field_knob("probe.eval_freq", self.probe, "eval_freq", step=5, applies="probe"),
            _field_knob("probe.train_steps", self.probe, "train_steps", step=5, applies="probe"),
        ]
        return own + shared + (probes if self.probe.enabled else [])


ENCODER_KINDS = ("auto", "resnet18", "conv", "sequence", "transformer", "mlp")


def _with_initial(knob: Knob, initial: Value) -> Knob:
    return Knob(**{**knob.__dict__, "initial": initial})


def _field_knob(
    name: str, section: Section, field: str, step: float, applies: Applies = "step"
) -> Knob:
    """A knob for a configuration field, with the field's own range and description."""
    info = type(section).model_fields[field]
    low, high = _bounds(info)
    initial = getattr(section, field)
    kind: Literal["int", "float"] = "int" if isinstance(initial, int) else "float"
    return Knob(name, kind, initial, info.description or "", low, high, step, applies=applies)


def _bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    low: float | None = None
    high: float | None = None
    for limit in info.metadata:
        if isinstance(limit, Ge):
            low = float(str(limit.ge))
        elif isinstance(limit, Gt):
            low = float(str(limit.gt)) + 1e-9
        elif isinstance(limit, Le):
            high = float(str(limit.le))
    return low, high


def _method_section(method: Method) -> Any:
    """A configuration section made from a method's declared settings."""
    kinds: dict[str, type] = {"float": float, "int": int, "bool": bool, "choice": str, "text": str}
    fields: dict[str, Any] = {}
    for knob in method.settings:
        kind: Any = Literal[knob.choices] if knob.type == "choice" else kinds[knob.type]
        fields[short_name(knob)] = (
            kind,
            Field(knob.initial, ge=knob.low, le=knob.high, description=knob.help),
        )
    return create_model(
        f"{method.name.title()}Config", __base__=Section, __doc__=method.summary, **fields
    )


def _with_method_sections() -> type[RunSettings]:
    sections = {
        method.name: _method_section(method) for method in METHODS.values() if method.settings
    }
    fields: dict[str, Any] = {
        name: (section, Field(default_factory=section)) for name, section in sections.items()
    }
    return create_model(
        "RunConfig", __base__=RunSettings, __doc__="The complete configuration of a run.", **fields
    )


RunConfig = _with_method_sections()


def make_config(tree: Mapping[str, Any]) -> RunSettings:
    """A checked configuration from nested mappings (as in run.toml or a recipe). Raises ConfigError with one line."""
    try:
        return RunConfig.model_validate(dict(tree))
    except ValidationError as error:
        raise ConfigError(_one_line(error)) from None
    except RegistryError as error:
        raise ConfigError(str(error)) from None


def known_keys() -> list[str]:
    """Every dotted key of the configuration, e.g. `optimizer.lr`."""
    keys: list[str] = []
    for name, info in RunConfig.model_fields.items():
        section = _section_of(info)
        keys += [f"{name}.{field}" for field in section.model_fields] if section else [name]
    return keys


def _section_of(info: FieldInfo) -> type[Section] | None:
    return (
        info.annotation
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section)
        else None
    )


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "configuration"
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}: {nearest(key, known_keys())}"
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "value_error":
        return f"{message}{more}"
    return f"{key} = {first['input']!r}: {message[0].lower()}{message[1:]}{more}"
