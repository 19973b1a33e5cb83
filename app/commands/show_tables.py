"""The tables of `asgml show`: facts, knobs, metrics, and what happened."""

from __future__ import annotations

from typing import Any

from rich.table import Column, Table
from rich.text import Text

from asgml.app.commands.show_provenance import provenance_facts
from asgml.app.output import console
from asgml.app.table_text import STYLES, last_value, number, of_total, shown_epoch
from asgml.storage.format.measured import accuracy_beside
from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ENDED_BADLY
from asgml.storage.format.value_text import setting
from asgml.storage.read.event_text import event_texts
from asgml.storage.read.reader import Run

EVENTS = 12
"""Number of the newest interventions and alerts that are listed."""
LISTED = ("command", "alert", "phase", "resumed", "failed", "diverged", "unreadable")


def print_tables(run: Run, summary: dict[str, Any]) -> None:
    """Print the run's facts and state, its knobs, its last and best values, and its events."""
    _print_facts(summary)
    _print_knobs(run)
    _print_metrics(summary["metrics"])
    _print_by_modality(summary["metrics"])
    _print_events(run)


IN_NEED = ENDED_BADLY | {"stale", "stopped"}
"""States in which a run waits for its user."""


def _print_facts(summary: dict[str, Any]) -> None:
    facts = Table.grid(padding=(0, 2))
    for label, text, style in _facts(summary):
        facts.add_row(Text(safe(label), "bold"), Text(safe(text), style, overflow="fold"))
    console().print(facts)


def _facts(summary: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return (label, text, style); facts that are not known yet are left out."""
    state = summary["state"]
    facts = [
        ("run", summary["name"], ""),
        ("state", state, STYLES.get(state, "")),
        ("to do", summary["remedy"] if state in IN_NEED else "", ""),
        ("progress", _progress(summary), ""),
        ("data", summary["data"], ""),
        ("samples", summary["samples"] and _samples(summary), ""),
        ("protocol", _protocol(summary), "dim"),
        ("method", _method(summary), ""),
        ("test", _test(summary), ""),
        ("gap", summary["gap"]["text"], ""),
        ("process", summary["pid"] and f"{summary['pid']} on {summary['host']}", ""),
        ("started", summary["started"], ""),
        ("path", summary["path"], ""),
        *provenance_facts(summary),
    ]
    facts += [("alone", _alone(*each), "") for each in summary["references"].items()]
    problems = [("problem", problem, "red") for problem in summary["problems"]]
    return [fact for fact in facts if fact[1]] + problems


def _progress(summary: dict[str, Any]) -> str:
    if summary["step"] is None:
        return ""
    steps = of_total(summary["step"], summary["total_steps"])
    return f"step {steps}, epoch {of_total(shown_epoch(summary), summary['total_epochs'])}"


def _protocol(summary: dict[str, Any]) -> str:
    digest = summary["protocol"]
    return f"{digest}: accuracies compare with those of runs that have the same" if digest else ""


def _method(summary: dict[str, Any]) -> str:
    if not summary["method"]:
        return ""
    return f"{summary['method']}, seed {summary['seed']}, on {summary['device']}"


def _test(summary: dict[str, Any]) -> str:
    """Return the test of the chosen model, how often the split was read, and best on test."""
    readings, metrics = summary["test_readings"], summary["metrics"]
    if not readings:
        return ""
    chosen = last_value(metrics.get("test_accuracy_at_best_val"))
    known = f"{chosen} with the model that validation chose; " if chosen != "–" else ""
    if readings == 1:
        return f"{known}read once"
    best = last_value(metrics.get("best_on_test_accuracy"))
    return f"{known}best on test {best}, chosen by the test split itself; read {readings} times"


def _alone(modality: str, reference: dict[str, Any]) -> str:
    """Return what a modality reached alone, and in which run."""
    val, test = number(reference["val_accuracy"]), number(reference["test_accuracy"])
    return f"{modality}: validation {val}, test {test}, in {reference['path']}"


def _samples(summary: dict[str, Any]) -> str:
    counts = ", ".join(f"{split} {count}" for split, count in summary["samples"].items())
    left_out = f"; {summary['left_out']} clips left out: missing, or not to be used"
    return counts + (left_out if summary["left_out"] else "")


def _print_knobs(run: Run) -> None:
    if run.manifest is None or not run.manifest.knobs:
        return
    now = run.knobs_at()
    table = Table("knob", "value", "at the start", "range", "meaning", box=None, pad_edge=False)
    for knob in run.manifest.knobs:
        value = now.get(knob.name, knob.initial)
        changed = "bold" if value != knob.initial else ""
        rest = (setting(knob.initial), knob.range_text(), knob.help)
        table.add_row(
            Text(safe(knob.name)),
            Text(safe(setting(value)), changed),
            *(Text(safe(cell)) for cell in rest),
        )
    _print_below(table)


def _print_metrics(metrics: dict[str, dict[str, Any]]) -> None:
    """Print the numbers of the run as a whole."""
    table = Table("metric", "last", "best", "at step", "unit", box=None, pad_edge=False)
    for name, metric in metrics.items():
        if "/" not in name:
            best, step = number(metric["best"]), number(metric["best_step"])
            last = last_value(metric, metrics.get(accuracy_beside(name)))
            cells = (name, last, best, step, metric["unit"])
            table.add_row(*(Text(safe(cell)) for cell in cells))
    _print_below(table)


def _print_by_modality(metrics: dict[str, dict[str, Any]]) -> None:
    """Print the modalities side by side: last value, and the best where one end is better."""
    split = {name: name.partition("/") for name in metrics if "/" in name}
    modalities = list(dict.fromkeys(modality for _, _, modality in split.values()))
    columns = (Column(Text(safe(modality))) for modality in modalities)
    table = Table("last (best)", *columns, "unit", box=None, pad_edge=False)
    for name in dict.fromkeys(name for name, _, _ in split.values()):
        found = [metrics.get(f"{name}/{modality}") for modality in modalities]
        unit = next(metric["unit"] for metric in found if metric is not None)
        cells = (name, *(_last_and_best(metric) for metric in found), unit)
        table.add_row(*(Text(safe(cell)) for cell in cells))
    _print_below(table)


def _last_and_best(metric: dict[str, Any] | None) -> str:
    has_best = metric is not None and metric["best"] is not None
    return last_value(metric) + (f" ({number(metric['best'])})" if metric and has_best else "")


def _print_events(run: Run) -> None:
    # texts are made of all events: a resume tells how long the pause before it was
    pairs = zip(run.events, event_texts(run.events), strict=True)
    chosen = [(event, shown) for event, shown in pairs if event.kind in LISTED][-EVENTS:]
    if not chosen:
        return
    table = Table("step", "what happened", box=None, pad_edge=False)
    for event, shown in chosen:
        table.add_row(Text(str(event.step)), Text(shown.line, overflow="fold"))
    _print_below(table)


def _print_below(table: Table) -> None:
    if not table.row_count:
        return
    out = console()
    out.print()
    out.print(table)
