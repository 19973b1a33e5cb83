"""`asgml show`: one run in numbers and charts, printed once."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from app.charts import key_charts
from app.commands.runs import STYLES
from app.lookup import find, open_run
from app.output import console, print_json
from app.sentences import number, sentence, setting
from app.summary import summarize
from app.text import visible
from storage.events import Event
from storage.reader import Run

EVENTS = 12
"""The newest interventions and alerts that are listed."""
LISTED = ("command", "alert", "phase", "resumed", "failed", "unreadable")


def show(word: str, runs: Path | None, json_: bool, charts: bool) -> int:
    """Prints what the run is, where it stands, and its last and best values."""
    run = open_run(find(word, runs))
    record = summarize(run)
    if json_:
        print_json({**record, "events": [event_record(event) for event in run.events]})
        return 0
    _print_facts(record)
    _print_knobs(run)
    _print_metrics(record["metrics"])
    _print_events(run)
    if charts:
        for chart in key_charts(run):
            print(chart)
    return 0


def event_record(event: Event) -> dict[str, Any]:
    """An event as JSON."""
    axes = {"step": event.step, "wall_time": event.wall_time, "active_time": event.active_time, "segment": event.segment}
    return {"kind": event.kind, **axes, **{key: value for key, value in event.fields.items() if key not in axes and key != "kind"}}


def _print_facts(record: dict[str, Any]) -> None:
    facts = Table.grid(padding=(0, 2))
    for label, text, style in _facts(record):
        facts.add_row(Text(label, "bold"), Text(visible(text), style, overflow="fold"))
    console().print(facts)


def _facts(record: dict[str, Any]) -> list[tuple[str, str, str]]:
    where = f"step {record['step']} of {record['total_steps'] or '?'}, epoch {record['epoch']} of {record['total_epochs'] or '?'}"
    facts = [
        ("run", record["name"], ""),
        ("state", record["state"], STYLES.get(record["state"], "")),
        ("progress", where if record["step"] is not None else "nothing recorded yet", ""),
        ("data", f"{record['data']}", ""),
        ("method", f"{record['method']}, seed {record['seed']}, on {record['device']}", ""),
        ("process", f"{record['pid']} on {record['host']}, started {record['started']}", ""),
        ("path", record["path"], ""),
    ]
    known = [fact for fact in facts if record["method"] is not None or fact[0] not in {"data", "method"}]
    return known + [("problem", problem, "red") for problem in record["problems"]]


def _print_knobs(run: Run) -> None:
    if run.manifest is None or not run.manifest.knobs:
        return
    now = run.knobs_at()
    table = Table("knob", "value", "at the start", "range", "meaning", box=None, pad_edge=False)
    for knob in run.manifest.knobs:
        value = now.get(knob.name, knob.initial)
        changed = "bold" if value != knob.initial else ""
        cells = (setting(value), setting(knob.initial), knob.range_text(), knob.help)
        table.add_row(Text(visible(knob.name)), *(Text(visible(cell), changed if index == 0 else "") for index, cell in enumerate(cells)))
    _print_below(table)


def _print_metrics(metrics: dict[str, dict[str, Any]]) -> None:
    if not metrics:
        return
    table = Table("metric", "last", "best", "at step", "unit", box=None, pad_edge=False)
    for name, one in metrics.items():
        cells = (name, _last(one), number(one["best"]), number(one["best_step"]), one["unit"])
        table.add_row(*(Text(visible(cell)) for cell in cells))
    _print_below(table)


def _last(one: dict[str, Any]) -> str:
    """A step always measures, so its NaN is a finding; elsewhere NaN stands for what was not measured this time."""
    missing = one["last"] is None or (one["table"] != "steps" and math.isnan(one["last"]))
    return number(None if missing else one["last"])


def _print_events(run: Run) -> None:
    chosen = [event for event in run.events if event.kind in LISTED][-EVENTS:]
    if not chosen:
        return
    table = Table("step", "what happened", box=None, pad_edge=False)
    for event in chosen:
        table.add_row(Text(str(event.step)), Text(visible(sentence(event)), overflow="fold"))
    _print_below(table)


def _print_below(table: Table) -> None:
    out = console()
    out.print()
    out.print(table)
