"""The settings of a plan's rows: recipe, plan, row, tuning and command line, the weakest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from asgml.app.configure import DATA_FLAG, Layer, build_layers, recipe_layers, set_layers
from asgml.app.draft import Draft
from asgml.app.errors import UserError
from asgml.app.plans.data_modalities import modalities_of
from asgml.app.plans.plan_schema import PlanFile
from asgml.app.plans.variants import Variant, expand
from asgml.core.config.published import DEFAULT_METHOD
from asgml.core.config.run_settings import RunSettings
from asgml.core.methods.registry import Method
from asgml.storage.runs.settings import cell_digest, flatten

OF_THE_DATA = ("data", "modalities")
ROW = ("set", "grid", "alone", "tuned")
"""Origins of the settings that tell a row from the others."""


@dataclass(frozen=True)
class Overrides:
    """What the command line gives in place of the plan's own."""

    recipe: str | None = None
    data: str | None = None
    seeds: tuple[int, ...] | None = None
    sets: tuple[str, ...] = ()
    epochs: int | None = None


@dataclass(frozen=True)
class Tuned:
    """What tuning chose for a row: the settings, and the record of its budget."""

    settings: Mapping[str, Any]
    record: Mapping[str, Any] = field(default_factory=dict)


class RowSettings:
    """A plan with everything that was given to it; makes the checked settings of its variants."""

    def __init__(
        self, plan: PlanFile, given: Overrides, tuned: Mapping[str, Tuned] | None = None
    ) -> None:
        self.plan, self.given = plan, given
        self.tuned = tuned or {}
        self.seeds = given.seeds or plan.seeds
        self._common = self._of_the_plan(given.recipe or plan.recipe)
        self._over = _of_the_command_line(given, plan)
        self.variants = expand(plan, self._modalities_of_data)
        self._drafts: dict[str, Draft] = {}

    def settings_of(self, variant: Variant, trial: Mapping[str, Any] | None = None) -> RunSettings:
        """Return the checked settings of a variant, with the values of a tuning trial if given.

        Raise UserError that names plan, row and key.
        """
        if trial is not None:
            return self._draft(variant, trial).config()
        return self.draft_of(variant).config()

    def draft_of(self, variant: Variant) -> Draft:
        """Return the draft of a variant, with what tuning chose for it. Raise UserError."""
        if variant.label not in self._drafts:
            tuned = self.tuned.get(variant.label)
            self._drafts[variant.label] = self._draft(variant, tuned.settings if tuned else {})
        return self._drafts[variant.label]

    def given_by_row(self, variant: Variant) -> dict[str, Any]:
        """Return {dotted key: value} of what the row itself and its tuning set."""
        draft = self.draft_of(variant)
        return {key: draft.values[key] for key, origin in draft.origins.items() if origin in ROW}

    def modalities_of(self, variant: Variant) -> tuple[str, ...]:
        """Return the modalities that a variant trains. Raise UserError where that is unknown."""
        with _named(self.plan, variant.label):
            return modalities_of(self.settings_of(variant))

    def methods_of(self, variant: Variant) -> list[Method]:
        """Return the methods that a variant trains with."""
        return self.settings_of(variant).methods

    @property
    def data(self) -> str:
        """Return the data that all rows train on, "" where none was given."""
        for variant in self.variants:
            if not variant.members and "data.name" in (draft := self.draft_of(variant)).values:
                return draft.config().data.name
        return ""

    def _modalities_of_data(self) -> tuple[str, ...]:
        of_data = [layer for layer in (*self._common, *self._over) if _is_of_data(layer[0])]
        with _named(self.plan):
            return modalities_of(build_layers([*of_data, ("method", "baseline", "")]).config())

    def _of_the_plan(self, recipe: str | None) -> list[Layer]:
        with _named(self.plan):
            common = recipe_layers(recipe)
            common += [(key, value, "set") for key, value in self.plan.settings.items()]
        return [(name, value, _of_plan(origin)) for name, value, origin in common]

    def _draft(self, variant: Variant, tuned: Mapping[str, Any]) -> Draft:
        own = [
            (key, value, "grid" if key in variant.grid else "set")
            for key, value in variant.settings.items()
        ]
        chosen = [(key, value, "tuned") for key, value in tuned.items()]
        with _named(self.plan, variant.label):
            draft = build_layers([*self._common, *own, *chosen, *self._over])
            _refuse_idle(draft)
        return draft


def settings_digest(settings: RunSettings) -> str:
    """Return the digest that the run of these settings has."""
    return cell_digest(flatten(settings.model_dump()))


def _of_the_command_line(given: Overrides, plan: PlanFile) -> list[Layer]:
    data = given.data or plan.data
    flags = [("epochs", given.epochs, "--epochs"), ("data.name", data, DATA_FLAG)]
    return [*set_layers(given.sets), *(flag for flag in flags if flag[1] is not None)]


def _of_plan(origin: str) -> str:
    return "set of the plan" if origin == "set" else origin


def _is_of_data(name: str) -> bool:
    return name.partition(".")[0] in OF_THE_DATA


def _refuse_idle(draft: Draft) -> None:
    """Raise UserError for a setting of the row that belongs to a method it does not use."""
    for key, origin in draft.origins.items():
        if origin in ROW and key.partition(".")[0] in draft.others:
            method = draft.values.get("method", DEFAULT_METHOD)
            raise UserError(f"{origin}: {key} has no effect with method {method}")


@contextmanager
def _named(plan: PlanFile, row: str = "") -> Iterator[None]:
    """Put the plan, and the row if given, before the message of a UserError."""
    try:
        yield
    except UserError as error:
        place = f"plan {plan.name}, row {row!r}" if row else f"plan {plan.name}"
        raise type(error)(f"{place}: {error}") from None
