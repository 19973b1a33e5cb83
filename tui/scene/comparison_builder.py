"""Build a comparison: runs to subjects with their places, and the charts that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from asgml.storage.format.manifest import Manifest
from asgml.tui.scene.comparison import MOST, ComparedRun, Subject
from asgml.tui.scene.panels import Panel, panels_of, panels_showing

if TYPE_CHECKING:
    from asgml.storage.runs.groups import RunGroup


class Places:
    """The place of each subject among the colours: once given, it is kept."""

    def __init__(self) -> None:
        self._places: dict[object, int] = {}

    def of(self, key: object) -> int:
        """Return the place of a subject, the next free one on first use."""
        return self._places.setdefault(key, len(self._places))


def should_group(groups: Sequence[RunGroup]) -> bool:
    """Return True where showing groups tells more than showing each run.

    Runs of one group alone are shown each, so that two seeds can be compared.
    """
    return len(groups) > 1 and any(len(group.records) > 1 for group in groups)


def subjects_of_runs(runs: Sequence[ComparedRun], places: Places) -> list[Subject]:
    """Return a subject for each run."""
    return [
        Subject(places.of(run.record.path), run.record.name, (run,), run.record.settings)
        for run in runs
    ]


def subjects_of_groups(
    groups: Sequence[RunGroup],
    runs: Sequence[ComparedRun],
    places: Places,
    key_of: Callable[[RunGroup], object],
) -> list[Subject]:
    """Return a subject for each group, of its runs that could be read."""
    by_path = {run.record.path: run for run in runs}
    return [
        Subject(
            places.of(key_of(group)),
            group.name,
            tuple(by_path[record.path] for record in group.records if record.path in by_path),
            group.settings,
        )
        for group in groups
    ]


def drawn(subjects: Iterable[Subject]) -> list[Subject]:
    """Return the subjects that have a colour of their own."""
    return [subject for subject in subjects if subject.place < MOST]


def shared_panels(subjects: Sequence[Subject]) -> tuple[Panel, ...]:
    """Return the charts of all metrics that any run has told something of.

    Modalities keep one place in all charts, whichever runs have them.
    """
    runs = [run for subject in subjects for run in subject.runs]
    if not runs:
        return ()
    manifest = _united([run.manifest for run in runs])
    known = frozenset().union(*(run.known for run in runs))
    panels = panels_showing(panels_of(manifest), known)
    return tuple(
        replace(panel, lines=tuple(line for line in panel.lines if line.column in known))
        for panel in panels
    )


def _united(manifests: Sequence[Manifest]) -> Manifest:
    """Return a manifest with the modalities and metrics of all."""
    modalities = dict.fromkeys(name for manifest in manifests for name in manifest.modalities)
    metrics = {
        (metric.table, metric.name): metric for manifest in manifests for metric in manifest.metrics
    }
    return replace(manifests[0], modalities=tuple(modalities), metrics=tuple(metrics.values()))
