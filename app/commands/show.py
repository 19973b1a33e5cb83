"""`asgml show`: one run in numbers and charts, printed once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asgml.app.lookup import find, open_run
from asgml.app.output import print_json
from asgml.storage.read.reader import Run
from asgml.storage.read.remedies import remedy_of
from asgml.storage.read.summary import event_record, summarize


def show(
    run_ref: str, runs: Path | None, json_: bool, charts: bool, against_baseline: bool = False
) -> int:
    """Print the run's facts and state, its knobs, and its last and best values."""
    run = open_run(find(run_ref, runs))
    summary = summarize(run)
    if json_:
        effect = _effect_record(run) if against_baseline else {}
        events = [event_record(event) for event in run.events]
        print_json({**summary, "alerts": _alert_records(run), "events": events, **effect})
        return 0
    # neither rich nor plotext is of use to a script, and each takes as long as reading the run
    from asgml.app.commands.show_tables import print_tables

    print_tables(run, {**summary, "remedy": remedy_of(run)})
    if against_baseline:
        from asgml.app.commands.show_effect import print_effect

        print_effect(run.paths.root)
    if charts:
        from asgml.app.charts.key_charts import key_charts

        for chart in key_charts(run):
            print(chart)
    return 0


def _alert_records(run: Run) -> list[dict[str, Any]]:
    """Return the alerts that the events of a run tell, with what is acknowledged of them."""
    from asgml.storage.alerts.acknowledged import read_acknowledged
    from asgml.storage.alerts.alert import alerts_of

    seen = read_acknowledged(run.paths)
    found = alerts_of(run.events)
    return [{**alert.record(), "acknowledged": alert.id in seen} for alert in found]


def _effect_record(run: Run) -> dict[str, Any]:
    from asgml.app.commands.show_effect import effect_record

    return {"against_baseline": effect_record(run.paths.root)}
