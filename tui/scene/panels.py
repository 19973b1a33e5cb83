"""Which charts a run has: its metric table, cut into panels and pages."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import Metric

_FIRST = (
    "probe accuracy",
    "gain",
    "gradient norm",
    "loss",
    "accuracy",
    "boost scale",
    "discrepancy ratio",
    "epoch accuracy",
    "own accuracy",
    "utilization",
    "throttle",
)
"""What answers "is it balanced, who is held back, does it learn" comes first, in charts and in tables of values alike."""


def importance(metric: Metric) -> int:
    """The place of a metric: those of the first panels, of other panels, those without a panel, the machine last.

    Metrics of one place keep the order of the metric table.
    """
    if metric.panel in _FIRST:
        return _FIRST.index(metric.panel)
    return len(_FIRST) + (2 if metric.table == "system" else 0 if metric.panel else 1)


@dataclass(frozen=True)
class Line:
    """One curve: the column it shows, the short word in the legend and its place in the order of colours."""

    table: str
    column: str
    label: str
    colour: int


@dataclass(frozen=True)
class Panel:
    """One chart."""

    title: str
    unit: str
    log: bool
    lines: tuple[Line, ...]


def panels_of(manifest: Manifest) -> list[Panel]:
    """The charts of a run, the most telling first."""
    found: dict[str, list[Metric]] = {}
    for metric in manifest.metrics:
        if metric.panel:
            found.setdefault(metric.panel, []).append(metric)
    titles = sorted(found, key=lambda title: min(importance(metric) for metric in found[title]))
    return [_panel(title, found[title], manifest.modalities) for title in titles]


def telling(panels: Sequence[Panel], columns: Container[str]) -> tuple[Panel, ...]:
    """The panels with something to see in at least one of their curves; `columns` names those curves."""
    return tuple(panel for panel in panels if any(line.column in columns for line in panel.lines))


def _panel(title: str, metrics: list[Metric], modalities: Sequence[str]) -> Panel:
    lines: list[Line] = []
    for metric in metrics:
        for column in metric.columns(modalities):
            lines.append(
                Line(
                    metric.table,
                    column,
                    _label(column, metric, metrics),
                    _colour(column, metric, modalities, len(lines)),
                )
            )
    return Panel(title, metrics[0].unit, any(metric.log for metric in metrics), tuple(lines))


def _label(column: str, metric: Metric, metrics: list[Metric]) -> str:
    """In a panel of one metric the modality says enough."""
    modality = column.partition("/")[2]
    if metric.per_modality and sum(other.per_modality for other in metrics) == 1:
        return modality
    return column


def _colour(column: str, metric: Metric, modalities: Sequence[str], position: int) -> int:
    """A modality has the same colour and marker in every chart; other lines take the following ones."""
    if metric.per_modality:
        return list(modalities).index(column.partition("/")[2])
    return position


def matching(panels: Sequence[Panel], words: str) -> list[Panel]:
    """Panels whose title or a column holds every word of a filter."""
    wanted = words.lower().split()
    return [panel for panel in panels if all(word in _searched(panel) for word in wanted)]


def _searched(panel: Panel) -> str:
    return " ".join([panel.title, *(line.column for line in panel.lines)]).lower()
