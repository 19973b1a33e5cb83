"""`asgml wait`: return when a run has ended, reached a step or a value, or raised an alert."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asgml.app.alerts.awaited import Awaited, Met, parse_awaited
from asgml.app.errors import FAILED, NOT_FOUND, OK, NotFoundError, UserError, narrate
from asgml.app.lookup import find, open_run
from asgml.app.output import print_json
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.safe_text import one_line
from asgml.storage.format.status import ENDED
from asgml.storage.read.reader import Run

TIMED_OUT = 124
"""The exit code of timeout(1)."""
POLL_SECONDS = 0.5
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


def wait(
    run_ref: str,
    runs: Path | None,
    conditions: Sequence[str],
    timeout: str | None,
    appear: bool,
    json_: bool,
) -> int:
    """Wait until one of the conditions is met; return the exit code."""
    awaited = parse_awaited(conditions or ("ended",))
    last = time.monotonic() + (seconds_of(timeout) if timeout is not None else float("inf"))
    paths = _find(run_ref, runs, last, appear)
    if paths is None:
        return _unmet(json_, run_ref, "", "timeout", f"no run {run_ref!r} has appeared")
    run = open_run(paths)
    while True:
        state = run.state()  # before the conditions: they see all that an ended run has published
        if state in ENDED:
            run.refresh()
        if met := _first_met(awaited, run):
            return _tell(json_, run, *met)
        if state in ENDED:
            return _unmet(json_, paths.name, state, "ended", f"{paths.name} {state} without it")
        if state == "stale":
            silent = (
                f"no sign of its trainer on {run.host} for {run.silent_for(time.time_ns()):.0f} s"
            )
            return _unmet(json_, paths.name, state, "stale", f"{paths.name} is stale: {silent}")
        if time.monotonic() >= last:
            return _unmet(json_, paths.name, state, "timeout", f"{paths.name} is still {state}")
        time.sleep(min(POLL_SECONDS, max(last - time.monotonic(), 0.0)))
        run.refresh()


def seconds_of(text: str) -> float:
    """Return the seconds of a span such as 90, 30m, 2h or 1h30m. Raise UserError for none."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text or len(text) > 40:
        raise UserError(f"--timeout {text!r:.60}: expected a span such as 90, 30m, 2h or 1h30m")
    return float(sum(float(number) * _UNITS[unit or "s"] for number, unit in parts))


def _find(run_ref: str, runs: Path | None, last: float, appear: bool) -> RunPaths | None:
    """Return the run; with `appear` wait for it, None where it did not come in time."""
    while True:
        try:
            return find(run_ref, runs)
        except NotFoundError as error:
            if not appear:
                raise NotFoundError(f"{error} (--appear waits for it)") from None
        if time.monotonic() >= last:
            return None
        time.sleep(min(POLL_SECONDS, max(last - time.monotonic(), 0.0)))


def _first_met(awaited: Mapping[str, Awaited], run: Run) -> tuple[str, Met] | None:
    for text, condition in awaited.items():
        if (met := condition.met(run)) is not None:
            return text, met
    return None


def _tell(json_: bool, run: Run, condition: str, met: Met) -> int:
    facts: dict[str, Any] = {"step": run.head.step if run.head else 0, **met}
    if json_:
        print_json({"met": condition, "run": run.paths.name, "state": run.state(), **facts})
    else:
        print(one_line(met["text"]))
    return OK


def _unmet(json_: bool, name: str, state: str, why: str, text: str) -> int:
    if json_:
        print_json({"met": None, "run": name, "state": state or None, "why": why, "text": text})
    narrate(text)
    return {"ended": FAILED, "stale": NOT_FOUND, "timeout": TIMED_OUT}[why]
