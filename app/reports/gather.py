"""A part of a report, made from the table of a plan or of groups and the runs in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from asgml.app.reports.cells import Source, cell_of, protocol_key
from asgml.app.reports.content import Cell, Line, Part, Row, Strength, settled
from asgml.app.reports.equal_settings import changed_settings, equal_settings
from asgml.app.reports.run_data import lines_of, strengths_of
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunNotFoundError, RunPaths
from asgml.storage.format.safe_text import one_line, safe

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run
    from asgml.storage.statistics.result import Result
    from asgml.storage.statistics.result_table import ResultRow, ResultTable


def part_of(table: ResultTable, source: Source) -> Part:
    """Return the part; the runs that count are opened for their curves."""
    rows: list[Row] = []
    curves: dict[str, list[Line]] = {}
    spectrum: list[Strength] = []
    shown = _labels(table)
    for result_row in table.rows:
        label, runs = shown[result_row.label], _open(result_row, source)
        modalities = _modalities(runs)
        for column, lines in lines_of(label, runs, modalities).items():
            curves.setdefault(column, []).extend(lines)
        spectrum += strengths_of(label, runs, modalities)
        rows.append(_row(label, result_row, source, table.metric, runs))
    names = {result.run for row in table.rows for result in _in_records(row, source)}
    counted = [source.records[name] for name in sorted(names)]
    equal = equal_settings(counted)
    return Part(
        name=one_line(source.name),
        title=one_line(table.title) or one_line(source.name),
        data=one_line(source.data),
        metric=one_line(table.metric),
        better=table.better or "high",
        baseline=shown.get(table.baseline, ""),
        seeds=source.seeds,
        rows=tuple(rows),
        same=equal,
        changed=changed_settings(equal, counted),
        protocols=_protocols(table),
        curves={column: tuple(curves[column]) for column in sorted(curves)},
        spectrum=tuple(spectrum),
        other_runs=len(source.records) - len(counted),
        source="\n".join(map(safe, source.text.splitlines())),
    )


def _labels(table: ResultTable) -> dict[str, str]:
    """Return each label fit to be shown, still all different."""
    found: dict[str, str] = {}
    for row in table.rows:
        label = one_line(row.label)
        taken = label in found.values()
        found[row.label] = f"{label} #{len(found) + 1}" if taken else label
    return found


def _row(label: str, row: ResultRow, source: Source, metric: str, runs: Sequence[Run]) -> Row:
    modalities = _modalities(runs)
    settings = [source.records[result.run].settings for result in _in_records(row, source)]
    keys = [key.partition(".") for each in settings for key in each]
    references = {name for section, _, name in keys if section == "references" and name}
    shared = {run.paths.root: _groups_shared(run) for run in runs}
    cells = [cell_of(seed, row.results[seed], source, metric, shared) for seed in row.results] + [
        Cell(seed, why=why) for seed, why in row.missing.items() if seed not in row.results
    ]
    return Row(
        label=label,
        settings=settled(row.settings),
        cells=tuple(sorted(cells, key=lambda cell: cell.seed)),
        declared=tuple(sorted(map(one_line, source.declared.get(row.label, ())))),
        tuned=settled(source.tuned.get(row.label, {})),
        modalities=tuple(map(one_line, modalities)),
        references=tuple(sorted(map(one_line, references))),
    )


def _in_records(row: ResultRow, source: Source) -> list[Result]:
    return [result for result in row.results.values() if result.run in source.records]


def _open(row: ResultRow, source: Source) -> list[Run]:
    """Return the runs that count, opened; one that cannot be read gives no curve."""
    from asgml.storage.read.reader import Run

    found = []
    for result in _in_records(row, source):
        if result.known:
            try:
                found.append(Run.open(RunPaths(source.records[result.run].path)))
            except (FormatError, RunNotFoundError, OSError):
                continue
    return [run for run in found if run.manifest is not None]


def _modalities(runs: Sequence[Run]) -> list[str]:
    return [str(name) for name in runs[0].manifest.modalities] if runs and runs[0].manifest else []


def _groups_shared(run: Run) -> int | None:
    """Return the groups, such as persons, that are in train and in another split."""
    data = run.manifest.data if run.manifest else {}
    counts = [data.get(key) for key in ("groups_shared", "groups_shared_val")]
    known = [each for each in counts if type(each) is int]
    return max(known) if known else None


def _protocols(table: ResultTable) -> dict[str, Mapping[str, Any]]:
    found = {
        protocol_key(result): settled(result.protocol)
        for row in table.rows
        for result in row.results.values()
        if result.protocol
    }
    return {digest: found[digest] for digest in sorted(found)}
