"""Words and numbers that every form of a report shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from asgml.app.reports.content import METRIC, Cell, Part
from asgml.storage.format.safe_text import one_line
from asgml.storage.format.value_text import setting
from asgml.storage.statistics.words import scale_of

NAMES = {
    "test_accuracy_at_best_val": "test accuracy at the epoch that validation chose",
    "val_accuracy": "validation accuracy",
    "best_val_accuracy": "best validation accuracy",
    "utilization_gap": "probe gap",
    "train_accuracy": "training accuracy",
    "boost_scale": "boost scale",
}


def metric_name(metric: str) -> str:
    """Return a metric in words: "test accuracy at the epoch that validation chose"."""
    return NAMES.get(metric, one_line(metric.replace("_", " ")))


def count(number: int, noun: str) -> str:
    """Return "1 seed", "5 seeds"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def listed(words: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c"; with semicolons where a word has a comma of its own."""
    comma = "; " if any(", " in word for word in words) else ", "
    return " and ".join([*([comma.join(words[:-1])] if words[:-1] else []), *words[-1:]])


def p_text(p: float) -> str:
    """Return a p value with two significant digits, "<0.001" below that, "–" for none."""
    if math.isnan(p):
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def unit_text(metric: str) -> str:
    """Return " (%)" for a metric that is told in per cent."""
    return " (%)" if scale_of(metric)[0] != 1 else ""


def settings_text(settings: dict[str, Any] | Any) -> str:
    """Return settings as `key = value` in the order of their keys, one line."""
    return ", ".join(f"{key} = {value_text(settings[key])}" for key in sorted(settings))


def value_text(value: Any) -> str:
    """Return a setting as it is typed after --set."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(value_text(one) for one in value) + "]"
    return one_line(setting(value)) if isinstance(value, (bool, int, float, str)) else str(value)


def asgml_text(cell: Cell) -> str:
    """Return "0.2.0 (0123456789ab)": version and commit of asgml, + where it had changed since."""
    version = one_line(cell.versions.get("asgml", "")) or "–"
    commit, _, changed = one_line(cell.versions.get("asgml_commit", "")).partition("-")
    return f"{version} ({commit[:12]}{'+' if changed else ''})" if commit else version


def commit_text(cell: Cell) -> str:
    """Return the first digits of a commit, with a + where the code had changed since."""
    return one_line(cell.commit[:12]) + ("+" if cell.dirty else "") or "–"


def state_text(cell: Cell) -> str:
    """Return the state of a cell, or why it does not count; that it was steered, too."""
    return (cell.why or cell.state) + (", steered" if cell.steered else "")


def heading(part: Part) -> str:
    """Return what the table is about, with every cell that has no value named."""
    cells = [(row.label, cell) for row in part.rows for cell in row.cells]
    absent = [(label, cell) for label, cell in cells if METRIC not in cell.values]
    seeds = count(len(part.seeds), "seed")
    about = f"{metric_name(part.metric).capitalize()}{unit_text(part.metric)}, {seeds}"
    if not absent:
        return about
    named = "; ".join(f"{label}, seed {cell.seed}: {cell.why}" for label, cell in absent)
    return f"{about}. {len(absent)} of {count(len(cells), 'cell')} missing: {named}"
