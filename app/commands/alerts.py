"""`asgml alerts`: the alerts of a run, what is acknowledged of them, and a test of the ways."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from asgml.app.alerts.failure import DeliveryError
from asgml.app.alerts.message import Message, Source
from asgml.app.alerts.targets import targets_of
from asgml.app.errors import FAILED, OK, NotFoundError, RunFailedError, UserError
from asgml.app.lookup import find
from asgml.app.output import print_json
from asgml.app.settings import load_settings
from asgml.app.settings_path import settings_file
from asgml.storage.alerts.acknowledged import acknowledge, read_acknowledged
from asgml.storage.alerts.alert import Alert
from asgml.storage.alerts.feed import AlertFeed
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.process import this_host
from asgml.storage.format.safe_text import one_line

ALL = "all"


def alerts(run_ref: str, runs: Path | None, ack: Sequence[str], json_: bool) -> int:
    """Print the alerts of a run, the oldest first; acknowledge those that are named before."""
    paths = find(run_ref, runs)
    found = _alerts_of(paths)
    if ack:
        _acknowledge(paths, found, ack)
    seen = read_acknowledged(paths)
    if json_:
        print_json([{**alert.record(), "acknowledged": alert.id in seen} for alert in found])
        return OK
    for alert in found:
        print(one_line(_line(alert, alert.id in seen)))
    return OK


def test(json_: bool) -> int:
    """Send a test over every way of the settings; exit code 1 where one fails."""
    notify = load_settings().notify
    if not notify.away:
        raise UserError(f"neither hook nor webhooks in {settings_file()}: see docs/alerts.md")
    text = "this is a test of the alerts of asgml"
    alert = Alert("test", "test", "info", 0, 0, time.time(), text)
    message = Message(alert, Source("test", "", this_host()))
    results = []
    for target in targets_of(notify):
        try:
            target.send(message)
        except DeliveryError as error:
            results.append({"target": target.name, "ok": False, "error": str(error)})
        else:
            results.append({"target": target.name, "ok": True, "error": ""})
    if json_:
        print_json(results)
    else:
        for result in results:
            print(one_line(f"{result['target']}: {result['error'] or 'ok'}"))
    return OK if all(result["ok"] for result in results) else FAILED


def deliver(run_ref: str, runs: Path | None) -> int:
    """Deliver the alerts of a run until it ends, here: for a loop that `asgml` did not start."""
    from asgml.app.alerts.watcher import main

    paths = find(run_ref, runs)
    if not load_settings().notify.away:
        raise UserError(f"neither hook nor webhooks in {settings_file()}: see docs/alerts.md")
    return main([str(paths.root)])


def _alerts_of(paths: RunPaths) -> list[Alert]:
    feed = AlertFeed(paths)
    found = feed.poll(0)
    if feed.problems:
        raise NotFoundError(f"{paths.root}: {feed.problems[0]}; `asgml check` tells more")
    return found


def _acknowledge(paths: RunPaths, found: Sequence[Alert], ids: Sequence[str]) -> None:
    known = [alert.id for alert in found]
    for id in ids:
        if id != ALL and id not in known:
            there = ", ".join(known[:8]) or "none"
            raise NotFoundError(f"--ack {id!r:.60}: {paths.name} has no such alert; it has {there}")
    try:
        acknowledge(paths, known if ALL in ids else ids)
    except (OSError, FormatError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RunFailedError(f"{paths.name}: cannot be acknowledged: {reason}") from None


def _line(alert: Alert, seen: bool) -> str:
    mark = "  (acknowledged)" if seen else ""
    return (
        f"{alert.id:<6} {alert.level:<7} step {alert.step:<7} {alert.rule}: {alert.message}{mark}"
    )
