"""A report as plain data: all that its pages, tables and figures are made of, and nothing else.

`report.json` is this data; everything else in a report's folder is made from it alone. Mappings are
read in sorted order, so that data read back gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asgml.storage.format.safe_text import one_line

FORMAT = "asgml-report"
VERSION = 1
METRIC = "metric"
"""Key of a cell's value that the tables are about."""
BEST_ON_TEST = "best_on_test"
"""Key of the best test value of any epoch: chosen on the test set, as the literature often does."""
VAL = "val"
"""Key of the best validation value: what the epoch was chosen by."""
MISSING = "not started"
ENSEMBLE = "ensemble"
"""State of a cell that is no run, but the mean prediction of several."""


@dataclass(frozen=True)
class Cell:
    """A row with one seed: a run, or the lack of one.

    `link` leads from the report's folder to the run's, "" without one. `values` has the keys
    METRIC, BEST_ON_TEST and VAL, as far as they were measured; METRIC is there exactly where the
    run counts, and `why` says why it does not.
    """

    seed: int
    run: str = ""
    link: str = ""
    state: str = MISSING
    why: str = MISSING
    digest: str = ""  # storage.runs.settings.cell_digest of the run's own settings
    values: Mapping[str, float] = field(default_factory=dict)
    protocol: str = ""  # digest; its fields stand in Part.protocols
    test_readings: int | None = None  # times that the run has looked at its test split
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    dirty: bool = False
    seconds: float | None = None
    command: str = ""  # repeats the run, from the report's folder
    steered: tuple[str, ...] = ()  # knobs that the user has turned: not those of the row
    groups_shared: int | None = None  # groups, such as persons, in train and in another split


@dataclass(frozen=True)
class Row:
    """One variant: its label, and the settings that tell it from the others of its table."""

    label: str
    settings: Mapping[str, Any]
    cells: tuple[Cell, ...]
    declared: tuple[str, ...] = ()  # settings that are the row's own, its tuned ones included
    tuned: Mapping[str, Any] = field(default_factory=dict)  # trials, keys, seeds, chosen values
    modalities: tuple[str, ...] = ()
    references: tuple[str, ...] = ()  # modalities that a run alone is named for


@dataclass(frozen=True)
class Line:
    """A curve over the seeds of a row, of one modality or ("") of the whole model.

    `low` and `high`: one standard deviation to either side, None where there is one seed.
    """

    row: str
    modality: str
    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    n: int  # most seeds at any point


@dataclass(frozen=True)
class Strength:
    """Mean gradient norm of one modality's encoder in the runs of a row, by seed, and its factor.

    The means are taken over the steps of a run, before and after modulation.
    """

    row: str
    modality: str
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass(frozen=True)
class Part:
    """One table with its figures: a plan, or a folder of runs, on one data set."""

    name: str
    title: str
    data: str
    metric: str
    better: str  # "high" or "low"
    baseline: str  # label of a row; "" for none
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    same: Mapping[str, Any] = field(default_factory=dict)  # settings equal in all runs
    changed: tuple[str, ...] = ()  # keys of those that are no defaults, of methods in use
    protocols: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # fields by digest
    curves: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)  # by column
    spectrum: tuple[Strength, ...] = ()
    other_runs: int = 0  # runs in the folder that no cell asks for
    source: str = ""  # text of the plan's file


@dataclass(frozen=True)
class Report:
    """A whole report."""

    parts: tuple[Part, ...]
    program: str = ""  # version of asgml that read the runs
    format: str = FORMAT
    version: int = VERSION


def settled(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping in the order of its keys, its values as JSON has them, fit to be shown."""
    return {one_line(key): _plain(mapping[key]) for key in sorted(mapping)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return settled({str(key): one for key, one in value.items()})
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return one_line(value) if isinstance(value, str) else value
