"""What `asgml compare` compares: runs, groups, plans and patterns of names, as it was given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.app.errors import NotFoundError, UserError
from asgml.app.lookup import find
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.user_path import why
from asgml.storage.runs.groups import group_records
from asgml.storage.runs.index import read_record, read_records
from asgml.storage.runs.pattern import compiled
from asgml.storage.runs.plan_record import is_plan, read_plan_record
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import NEUTRAL, OF_THE_SEED, without

Allowed = Callable[[RunRecord], bool]
"""Whether a run may be looked at, however it was named."""
MOST = 200
PATTERN_SIGNS = frozenset("^$*+?[]()|\\")
"""Characters that make a name a regular expression."""


@dataclass(frozen=True)
class Subject:
    """A run, or runs that are equal but for the seed; one row of the table, one line of the chart.

    `settings`: what is looked at for differences, without what changes no number.
    """

    name: str
    records: tuple[RunRecord, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Selected:
    """The subjects in the order given.

    `baseline`: that of a plan that was given, "" otherwise. `plan`: the folder of the plan that is
    all that was given.
    """

    subjects: tuple[Subject, ...]
    baseline: str = ""
    plan: Path | None = None


class Selection:
    """The runs of a folder for which `matches` holds; references choose from them.

    A run that is not `allowed` is none, whatever a reference says.
    """

    def __init__(
        self, folder: Path, matches: Callable[[RunRecord], bool], allowed: Allowed
    ) -> None:
        self._folder, self._allowed = folder, allowed
        self._matches: Allowed = lambda record: allowed(record) and matches(record)
        self._records = [record for record in read_records(folder) if self._matches(record)]
        self._by_name = {record.name: record for record in self._records}

    def select(self, refs: Sequence[str], *, grouped: bool) -> Selected:
        """Return the subjects that the references mean; of all runs where none is given.

        In this order: a plan (its folder), a run (its name), a group (its name as `asgml runs
        --group` prints it), a run (path, prefix, `latest`), a regular expression of names. Raise
        NotFoundError for one that means nothing, UserError for too many subjects.
        """
        baselines: list[str] = []
        found: list[Subject] = []
        plan = None
        for ref in refs:
            plan = self._plan(ref, f"{ref.rstrip('/')}/" if len(refs) > 1 else "")
            found += plan.subjects if plan else self._runs_or_group(ref)
            baselines += [plan.baseline] if plan and plan.baseline else []
        found = found if refs else [_alone(record) for record in self._records]
        subjects = _grouped(found) if grouped else _each_once(found)
        if len(subjects) > MOST:
            raise UserError(f"{len(subjects)} to compare, expected at most {MOST}; narrow --where")
        baseline = baselines[0] if len(baselines) == 1 else ""
        alone = plan.plan if plan and len(refs) == 1 and not grouped else None
        return Selected(tuple(subjects), baseline, alone)

    def _plan(self, ref: str, before: str) -> Selected | None:
        """Return the rows of the plan in this folder, None where it is none.

        `before` is put before the label of each.
        """
        folder = next((one for one in (self._folder / ref, Path(ref)) if is_plan(one)), None)
        if folder is None:
            return None
        try:
            plan = read_plan_record(folder)
        except (FormatError, OSError) as error:
            raise NotFoundError(f"the plan {ref} cannot be read: {why(error)}") from None
        known = {r.path.resolve(): r for r in (*self._records, *self._beyond(folder))}
        rows = []
        for number, row in enumerate(plan.rows):
            paths = [(folder / cell.run).resolve() for cell in plan.cells if cell.row == number]
            records = [known[path] for path in dict.fromkeys(paths) if path in known]
            if records:
                rows.append(_subject(before + row.label, records))
        return Selected(tuple(rows), before + plan.baseline if plan.baseline else "", folder)

    def _beyond(self, folder: Path) -> list[RunRecord]:
        """Return the runs of a plan that lies elsewhere."""
        if folder.resolve().parent == self._folder.resolve():
            return []
        return [record for record in read_records(folder) if self._matches(record)]

    def _runs_or_group(self, ref: str) -> list[Subject]:
        if ref in self._by_name:
            return [_alone(self._by_name[ref])]
        for group in group_records(self._records):
            if ref == group.name:
                return [_subject(group.name, group.records)]
        if ref == "latest" or not PATTERN_SIGNS & set(ref):
            return [_alone(self._record_of(find(ref, self._folder)))]
        try:
            matches = compiled(ref)
        except ValueError as error:
            raise UserError(str(error)) from None
        found = [_alone(record) for record in self._records if matches(record.name)]
        if not found:
            raise NotFoundError(f"no run, group or plan {ref!r} in {self._folder}")
        return found

    def _record_of(self, paths: RunPaths) -> RunRecord:
        known = {record.path.resolve(): record for record in self._records}
        found = known.get(paths.root.resolve()) or read_record(paths)
        if not self._allowed(found):
            raise NotFoundError(f"{found.name} lies outside of {self._folder}")
        return found


def _alone(record: RunRecord) -> Subject:
    return Subject(record.name, (record,), without(record.settings, (*NEUTRAL, "references")))


def _subject(name: str, records: Iterable[RunRecord]) -> Subject:
    members = tuple(records)
    settings = without(members[0].settings, (*NEUTRAL, *OF_THE_SEED))
    return Subject(name, members, settings)


def _grouped(subjects: Sequence[Subject]) -> list[Subject]:
    """Return the groups of all runs; a row of a plan keeps its name."""
    single = [record for each in subjects if len(each.records) == 1 for record in each.records]
    groups = {r.path: group for group in group_records(single) for r in group.records}
    found = []
    for each in subjects:
        group = groups.get(each.records[0].path) if len(each.records) == 1 else None
        found.append(_subject(group.name, group.records) if group else each)
    return _each_once(found)


def _each_once(subjects: Sequence[Subject]) -> list[Subject]:
    """Return each subject once, with a number behind a name that others have too."""
    kept = list({tuple(r.path for r in each.records): each for each in subjects}.values())
    names: list[str] = []
    for each in kept:
        name, number = each.name, 2
        while name in names:
            name, number = f"{each.name} #{number}", number + 1
        names.append(name)
    return [Subject(n, each.records, each.settings) for n, each in zip(names, kept, strict=True)]
