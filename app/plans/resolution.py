"""The step from a plan to its cells: every row with every seed, each with checked settings."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from asgml.app.data_spec import how_to_give, needs_files
from asgml.app.errors import UserError
from asgml.app.plans.cells import Cell, ResolvedPlan
from asgml.app.plans.names import run_name, slugs
from asgml.app.plans.plan_schema import PlanFile
from asgml.app.plans.row_settings import Overrides, RowSettings, Tuned, settings_digest
from asgml.app.plans.variants import Variant, alone_by_modality
from asgml.storage.runs.plan_record import PlanRow
from asgml.storage.runs.settings import cell_digest

MOST_CELLS = 10_000


def resolve(
    plan: PlanFile, given: Overrides | None = None, tuned: Mapping[str, Tuned] | None = None
) -> ResolvedPlan:
    """Return the plan with checked settings for every cell. `tuned` is by the rows' labels.

    Cells of the same settings share their run. Raise UserError or NotFoundError, which name plan,
    row and key. Whether files of the data are named, `check_data` tells.
    """
    return resolve_rows(RowSettings(plan, given or Overrides(), tuned or {}))


def resolve_rows(rows: RowSettings) -> ResolvedPlan:
    """Return the plan of these rows. Raise UserError where there are too many cells."""
    plan, count = rows.plan, len(rows.variants) * len(rows.seeds)
    if count > MOST_CELLS:
        raise UserError(f"plan {plan.name}: {count} cells; expected at most {MOST_CELLS}")
    cells = _Cells(rows).all()
    return ResolvedPlan(
        name=plan.name,
        title=plan.title,
        data=rows.data,
        metric=plan.metric,
        baseline=plan.baseline,
        seeds=rows.seeds,
        rows=tuple(_row(rows, variant) for variant in rows.variants),
        cells=cells,
        source=plan.source,
        versions={"asgml": version("asgml")},
    )


def check_data(plan: ResolvedPlan) -> None:
    """Raise UserError where no data is named, or its files are not."""
    if not plan.data:
        raise UserError(f"plan {plan.name}: on which data? Give it with --data, as for train")
    for name in {cell.settings.data.name for cell in plan.cells}:
        if needs_files(name):
            raise UserError(f"plan {plan.name}: {how_to_give(name)}")


def _row(rows: RowSettings, variant: Variant) -> PlanRow:
    if variant.members:
        return PlanRow(variant.label, {"ensemble": list(variant.members)})
    tuned = rows.tuned.get(variant.label)
    return PlanRow(variant.label, rows.given_by_row(variant), tuned.record if tuned else {})


class _Cells:
    """The cells of all rows and seeds, made in the order in which they need each other."""

    def __init__(self, rows: RowSettings) -> None:
        self.rows = rows
        self._slugs = dict(
            zip(
                (variant.label for variant in rows.variants),
                slugs(variant.label for variant in rows.variants),
                strict=True,
            )
        )
        self._runs: dict[str, str] = {}  # digest -> run
        self._made: dict[tuple[str, int], Cell] = {}  # by label and seed
        wanted = any(variant.references for variant in rows.variants)
        self._alone = alone_by_modality(rows.plan, rows.variants) if wanted else {}

    def all(self) -> tuple[Cell, ...]:
        """Return every cell, row by row."""
        return tuple(
            self._cell(number, seed)
            for number in range(len(self.rows.variants))
            for seed in self.rows.seeds
        )

    def _cell(self, number: int, seed: int) -> Cell:
        """Return a cell; cells that it needs are made before it."""
        variant = self.rows.variants[number]
        key = (variant.label, seed)
        if key not in self._made:
            make = self._ensemble if variant.members else self._trained
            self._made[key] = make(number, variant, seed)
        return self._made[key]

    def _trained(self, number: int, variant: Variant, seed: int) -> Cell:
        settings = self.rows.settings_of(variant).model_copy(update={"seed": seed})
        references = self._references(variant, seed)
        if references:
            settings = settings.model_copy(
                update={"references": {**settings.references, **references}}
            )
        digest = settings_digest(settings)
        run = self._runs.setdefault(digest, run_name(self._slugs[variant.label], seed))
        after = tuple(references.values())
        return Cell(number, variant.label, seed, run, settings, digest, after)

    def _references(self, variant: Variant, seed: int) -> dict[str, str]:
        """Return {modality: run that trained it alone with this seed}."""
        if not variant.references:
            return {}
        trained = self.rows.modalities_of(variant)
        return {
            m: self._by_label(self._alone[m].label, seed).run for m in trained if m in self._alone
        }

    def _ensemble(self, number: int, variant: Variant, seed: int) -> Cell:
        members = [self._by_label(label, seed) for label in variant.members]
        runs = tuple(dict.fromkeys(member.run for member in members))
        digest = cell_digest({"ensemble": sorted({member.digest for member in members})})
        name = run_name(self._slugs[variant.label], seed)
        return Cell(
            number, variant.label, seed, name, members[0].settings, digest, runs, ensemble=runs
        )

    def _by_label(self, label: str, seed: int) -> Cell:
        labels = [variant.label for variant in self.rows.variants]
        return self._cell(labels.index(label), seed)
