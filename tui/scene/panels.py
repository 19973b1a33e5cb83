"""The charts of a run: its table of metrics, grouped into panels in their order of importance."""

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
"""Panels that come first: is it balanced, which modality is held back, does it learn?"""


@dataclass(frozen=True)
class Line:
    """One curve: its column, its label in the legend and its place in the order of colours."""

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


def importance(metric: Metric) -> int:
    """Return the place of a metric; metrics of one place keep the order of the table of metrics.

    First those of the first panels, then of other panels, without a panel, of the machine.
    """
    if metric.panel in _FIRST:
        return _FIRST.index(metric.panel)
    return len(_FIRST) + (2 if metric.table == "system" else 0 if metric.panel else 1)


def panels_of(manifest: Manifest) -> list[Panel]:
    """Return the charts of a run, the most important first."""
    found: dict[str, list[Metric]] = {}
    for metric in manifest.metrics:
        if metric.panel:
            found.setdefault(metric.panel, []).append(metric)
    titles = sorted(found, key=lambda title: min(importance(metric) for metric in found[title]))
    return [_panel(title, found[title], manifest.modalities) for title in titles]


def panels_showing(panels: Sequence[Panel], columns: Container[str]) -> tuple[Panel, ...]:
    """Return the panels that have a curve of at least one of these columns."""
    return tuple(panel for panel in panels if any(line.column in columns for line in panel.lines))


def matching(panels: Sequence[Panel], filter_text: str) -> list[Panel]:
    """Return the panels whose title or columns contain every word of a filter."""
    return [panel for panel in panels if matches_filter(_searched(panel), filter_text)]


def matches_filter(text: str, filter_text: str) -> bool:
    """Return True where `text` contains every word of a filter, in either case."""
    return all(word in text.lower() for word in filter_text.lower().split())


def _panel(title: str, metrics: list[Metric], modalities: Sequence[str]) -> Panel:
    columns = [(metric, column) for metric in metrics for column in metric.columns(modalities)]
    lines = tuple(
        Line(
            metric.table,
            column,
            _label(column, metric, metrics),
            _colour(column, metric, modalities, position),
        )
        for position, (metric, column) in enumerate(columns)
    )
    return Panel(title, metrics[0].unit, any(metric.log for metric in metrics), lines)


def _label(column: str, metric: Metric, metrics: list[Metric]) -> str:
    """Return the modality where it alone names the curve in its panel, else the column."""
    modality = column.partition("/")[2]
    if metric.per_modality and sum(other.per_modality for other in metrics) == 1:
        return modality
    return column


def _colour(column: str, metric: Metric, modalities: Sequence[str], position: int) -> int:
    """Return the place of the modality, for one colour in every chart, else that of the line."""
    if metric.per_modality:
        return list(modalities).index(column.partition("/")[2])
    return position


def _searched(panel: Panel) -> str:
    return " ".join([panel.title, *(line.column for line in panel.lines)])
