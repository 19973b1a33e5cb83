"""`asgml show`: one run in numbers and charts, printed once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from asgml.app.charts import key_charts
from asgml.app.commands.runs import STYLES, epoch_in_words, last_in_words, of_total
from asgml.app.event_text import number, sentence, setting
from asgml.app.lookup import find, open_run
from asgml.app.output import console, print_json
from asgml.app.summary import summarize
from asgml.app.text import visible
from asgml.storage.format.events import Event
from asgml.storage.read.reader import Run

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
    _print_by_modality(record["metrics"])
    _print_events(run)
    if charts:
        for chart in key_charts(run):
            print(chart)
    return 0


def event_record(event: Event) -> dict[str, Any]:
    """An event as JSON."""
    axes = {
        "step": event.step,
        "wall_time": event.wall_time,
        "active_time": event.active_time,
        "segment": event.segment,
    }
    return {
        "kind": event.kind,
        **axes,
        **{key: value for key, value in event.fields.items() if key not in axes and key != "kind"},
    }


def _print_facts(record: dict[str, Any]) -> None:
    facts = Table.grid(padding=(0, 2))
    for label, text, style in _facts(record):
        facts.add_row(Text(label, "bold"), Text(visible(text), style, overflow="fold"))
    console().print(facts)


def _facts(record: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(label, text, style); what is not known yet is left out."""
    steps, epochs = (
        of_total(record["step"], record["total_steps"]),
        of_total(epoch_in_words(record), record["total_epochs"]),
    )
    facts = [
        ("run", record["name"], ""),
        ("state", record["state"], STYLES.get(record["state"], "")),
        ("progress", record["step"] is not None and f"step {steps}, epoch {epochs}", ""),
        ("data", record["data"], ""),
        ("samples", record["samples"] and _samples(record), ""),
        (
            "protocol",
            record["protocol"]
            and f"{record['protocol']}: accuracies compare with those of runs that have the same",
            "dim",
        ),
        (
            "method",
            record["method"]
            and f"{record['method']}, seed {record['seed']}, on {record['device']}",
            "",
        ),
        ("process", record["pid"] and f"{record['pid']} on {record['host']}", ""),
        ("started", record["started"], ""),
        ("path", record["path"], ""),
    ]
    return [fact for fact in facts if fact[1]] + [
        ("problem", problem, "red") for problem in record["problems"]
    ]


def _samples(record: dict[str, Any]) -> str:
    parts = ", ".join(f"{part} {count}" for part, count in record["samples"].items())
    return parts + (
        f"; {record['left_out']} clips left out: missing, or not to be used"
        if record["left_out"]
        else ""
    )


def _print_knobs(run: Run) -> None:
    if run.manifest is None or not run.manifest.knobs:
        return
    now = run.knobs_at()
    table = Table("knob", "value", "at the start", "range", "meaning", box=None, pad_edge=False)
    for knob in run.manifest.knobs:
        value = now.get(knob.name, knob.initial)
        changed = "bold" if value != knob.initial else ""
        cells = (setting(value), setting(knob.initial), knob.range_text(), knob.help)
        table.add_row(
            Text(visible(knob.name)),
            *(
                Text(visible(cell), changed if index == 0 else "")
                for index, cell in enumerate(cells)
            ),
        )
    _print_below(table)


def _print_metrics(metrics: dict[str, dict[str, Any]]) -> None:
    """The numbers of the run as a whole."""
    table = Table("metric", "last", "best", "at step", "unit", box=None, pad_edge=False)
    for name, one in metrics.items():
        if "/" not in name:
            cells = (
                name,
                last_in_words(one),
                number(one["best"]),
                number(one["best_step"]),
                one["unit"],
            )
            table.add_row(*(Text(visible(cell)) for cell in cells))
    _print_below(table)


def _print_by_modality(metrics: dict[str, dict[str, Any]]) -> None:
    """The numbers of each modality side by side: the last, and behind it the best where one end is better."""
    split = {name: name.partition("/") for name in metrics if "/" in name}
    modalities = list(dict.fromkeys(modality for _, _, modality in split.values()))
    table = Table(
        "last (best)",
        *(Column(Text(visible(modality))) for modality in modalities),
        "unit",
        box=None,
        pad_edge=False,
    )
    for metric in dict.fromkeys(metric for metric, _, _ in split.values()):
        found = [metrics.get(f"{metric}/{modality}") for modality in modalities]
        unit = next(one["unit"] for one in found if one is not None)
        table.add_row(
            Text(visible(metric)),
            *(Text(_last_and_best(one)) for one in found),
            Text(visible(unit)),
        )
    _print_below(table)


def _last_and_best(one: dict[str, Any] | None) -> str:
    best = f" ({number(one['best'])})" if one is not None and one["best"] is not None else ""
    return last_in_words(one) + best


def _print_events(run: Run) -> None:
    chosen = [event for event in run.events if event.kind in LISTED][-EVENTS:]
    if not chosen:
        return
    table = Table("step", "what happened", box=None, pad_edge=False)
    for event in chosen:
        table.add_row(Text(str(event.step)), Text(visible(sentence(event)), overflow="fold"))
    _print_below(table)


def _print_below(table: Table) -> None:
    if not table.row_count:
        return
    out = console()
    out.print()
    out.print(table)
