"""The schema of a plan: every key of the TOML file, with its type and range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StrictBool,
    field_validator,
    model_validator,
)

from asgml.app.keys import flatten
from asgml.app.plans.metric_names import metric_column

MAX_SEEDS = 1000
EACH = "each_modality"
Sampler = Literal["grid", "random", "tpe"]


def _seeds(given: Any) -> Any:
    """Return `5` as the seeds 0 to 4; all else as it is."""
    if isinstance(given, bool) or not isinstance(given, int):
        return given
    if not 1 <= given <= MAX_SEEDS:
        raise ValueError(f"{given} seeds: give 1 to {MAX_SEEDS}, or a list of seeds")
    return list(range(given))


def _dotted(given: Any) -> Any:
    """Return nested tables as dotted keys: TOML reads `boost.alpha = 1` as a table in a table."""
    return dict(flatten(given)) if isinstance(given, dict) else given


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"{text!r}: expected one line of printable text")
    return text


Seed = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
Seeds = Annotated[
    tuple[Seed, ...], BeforeValidator(_seeds), Field(min_length=1, max_length=MAX_SEEDS)
]
Settings = Annotated[dict[str, Any], BeforeValidator(_dotted)]
Label = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]


class Table(BaseModel):
    """A table of a plan: unknown keys are errors, numbers are finite."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, populate_by_name=True)


class Row(Table):
    """A variant of the training, or with `grid` or `alone` several of them."""

    label: Label
    settings: Settings = Field(default_factory=dict, alias="set")
    grid: Settings = Field(default_factory=dict)
    alone: StrictBool | Annotated[str, Field(min_length=1)] = False
    ensemble: tuple[Label, ...] | Literal["each_modality"] = ()
    references: StrictBool = False

    @field_validator("grid")
    @classmethod
    def _lists(cls, grid: dict[str, Any]) -> dict[str, Any]:
        for key, values in grid.items():
            if not isinstance(values, list) or not values:
                raise ValueError(f"{key} = {values!r}: expected a list of values to try")
            if any(values.count(value) > 1 for value in values):
                raise ValueError(f"{key} = {values!r}: a value stands there twice")
        return grid

    @model_validator(mode="after")
    def _one_kind(self) -> Row:
        trains = [name for name in ("set", "grid", "alone", "references") if self._has(name)]
        if self.ensemble and trains:
            raise ValueError(f"an ensemble trains nothing of its own: leave out {trains[0]}")
        if self.alone and self.references:
            raise ValueError("a modality alone has no references: leave out references")
        if self.ensemble and self.ensemble != EACH and len(self.ensemble) < 2:
            raise ValueError(f"ensemble = {list(self.ensemble)}: name two rows or more")
        return self

    def _has(self, name: str) -> bool:
        return bool(getattr(self, "settings" if name == "set" else name))


class TuneKey(Table):
    """What tuning tries for one setting: a range, or choices."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = Field(None, gt=0)
    choices: tuple[Any, ...] = ()

    @model_validator(mode="after")
    def _range_or_choices(self) -> TuneKey:
        ranged = self.low is not None and self.high is not None
        if ranged == bool(self.choices) or (self.choices and (self.low, self.high) != (None, None)):
            raise ValueError("expected low and high, or choices")
        if self.low is None or self.high is None:
            return self
        if self.low >= self.high:
            raise ValueError(f"low = {self.low:g} is not below high = {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low = {self.low:g} with log = true: expected a number above 0")
        if self.log and self.step is not None:
            raise ValueError("log and step: give one of them")
        return self


class Tune(Table):
    """The tuning of rows before they are trained: the same budget for each, by validation."""

    trials: int = Field(ge=1, le=1000)
    keys: dict[str, TuneKey] = Field(min_length=1)
    seeds: Seeds = (100,)
    sampler: Sampler = "grid"
    rows: tuple[Label, ...] = ()

    @field_validator("keys", mode="before")
    @classmethod
    def _dotted_keys(cls, given: Any) -> Any:
        """Return `optimizer.lr = { … }`, a table in a table to TOML, under its dotted key."""
        return dict(_ranges(given, "")) if isinstance(given, dict) else given


class PlanFile(Table):
    """A plan as it is written."""

    name: str = Field("", max_length=60)
    title: Annotated[str, AfterValidator(_printable)] = Field("", max_length=200)
    recipe: str | None = None
    data: str | None = None
    settings: Settings = Field(default_factory=dict, alias="set")
    seeds: Seeds = (0, 1, 2)
    metric: str = "test_accuracy_at_best_val"
    baseline: str = ""
    rows: tuple[Row, ...] = Field(alias="row", min_length=1, max_length=500)
    tune: Tune | None = None
    _source: str = PrivateAttr("")

    @property
    def source(self) -> str:
        """Return the text of the file, "" for a plan that was made in memory."""
        return self._source

    @field_validator("seeds")
    @classmethod
    def _each_seed_once(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if repeated := [seed for seed in seeds if seeds.count(seed) > 1]:
            raise ValueError(f"{repeated[0]} stands there twice")
        return seeds

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, name: str) -> str:
        return metric_column(name)


def _ranges(tables: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, range): a table without any key of a TuneKey is a section."""
    for name, value in tables.items():
        if isinstance(value, dict) and value and not value.keys() & TuneKey.model_fields.keys():
            yield from _ranges(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
