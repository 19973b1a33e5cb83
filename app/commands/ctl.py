"""`asgml ctl`: sends one request to a running trainer and reports its one answer."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

from asgml.app.commands.ctl_control import check_control
from asgml.app.commands.ctl_usage import check_usage
from asgml.app.control_arguments import ControlArguments
from asgml.app.errors import OK, REJECTED, NotFoundError, RejectedError, narrate
from asgml.app.lookup import find, open_run
from asgml.app.output import print_json
from asgml.storage.commands.inbox import Request, RequestError, make_request, send
from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Knob, KnobError, Value, find_knob
from asgml.storage.format.safe_text import one_line
from asgml.storage.format.status import ENDED
from asgml.storage.format.step_span import SpanError, parse_span
from asgml.storage.read.event_text import reply_text
from asgml.storage.read.reader import Run
from asgml.storage.read.remedies import remedy_of
from asgml.storage.read.summary import event_record

POLL_SECONDS = 0.05
ANSWER_SECONDS = 30.0
"""Time to wait for an answer; the trainer may be in the middle of an evaluation."""


def ctl(run_ref: str, runs: Path | None, given: ControlArguments, json_: bool) -> int:
    """Check the request, send it, and wait for the trainer's answer unless told otherwise."""
    given = check_usage(given)
    timeout = (
        given.timeout
        if given.timeout is not None
        else ANSWER_SECONDS
        if given.at_step is None
        else math.inf
    )
    run = open_run(find(run_ref, runs))
    request = send_request(run, given, timeout)
    if not (given.wait if given.wait is not None else given.at_step is None):
        narrate(f"sent {request.id}; `asgml tail {run.paths.name}` shows the answer")
        return OK
    event = wait_for_answer(run, request, timeout)
    print_json({"id": request.id, **event_record(event)}) if json_ else print(
        one_line(reply_text(event))
    )
    return OK if event.get("answer") == "applied" else REJECTED


def ask(run: Run, given: ControlArguments, timeout: float, *, via: str) -> Event:
    """Return the trainer's one answer to a request that another program makes for the user.

    `via` stands behind the user's name in the events. Raise UserError as `ctl` does.
    """
    given = check_usage(given)
    return wait_for_answer(run, send_request(run, given, timeout, via=via), timeout)


def send_request(run: Run, given: ControlArguments, timeout: float, *, via: str = "") -> Request:
    """Check a request and send it to a living trainer.

    Raise NotFoundError where none answers, RejectedError for what it would refuse.
    """
    _check_alive(run)
    check_control(run, take_over=given.take_over)
    request = request_of(run, given, timeout)
    if via:
        request = replace(request, issuer=f"{request.issuer} via {via}")
    send(run.paths.commands, request)
    return request


def request_of(run: Run, given: ControlArguments, timeout: float) -> Request:
    """Return the request, with the knob's full name and a value inside its range.

    Raise RejectedError with the reason where there is no such knob or value.
    """
    kind, why = given.action.value, given.reason
    try:
        if kind == "set":
            return _set_request(run, given, timeout)
        if kind == "note":
            return make_request(kind, note=" ".join(given.values or ()), at_step=given.at_step)
        how = ("now" if given.now else "after_step") if kind == "stop" else None
        weights = given.checkpoint or None
        return make_request(kind, note=why, how=how, at_step=given.at_step, weights=weights)
    except (KnobError, RequestError, SpanError) as error:
        raise RejectedError(str(error)) from None


def _set_request(run: Run, given: ControlArguments, timeout: float) -> Request:
    knob, value, if_value = _parse_set(_knobs(run, timeout), given)
    per_epoch = run.manifest.steps_per_epoch if run.manifest else 0
    return make_request(
        "set",
        knob=knob.name,
        value=value,
        if_value=if_value,
        at_step=given.at_step,
        note=given.reason,
        for_steps=None if given.for_ is None else parse_span(given.for_, per_epoch),
    )


def wait_for_answer(run: Run, request: Request, timeout: float) -> Event:
    """Return the one answer.

    Raise NotFoundError where none comes in time, or no trainer is left to give one.
    """
    until = time.monotonic() + timeout
    while True:
        run.refresh()
        event = run.answer_to(request.id)
        if event is not None:
            return event
        if run.state() in ENDED:
            raise NotFoundError(
                f"{run.paths.name} {run.state()} before it answered; {_remedy(run)}"
            )
        if time.monotonic() >= until:
            name = run.paths.name
            raise NotFoundError(
                f"{name}: no answer within {timeout:g} s; the request stays queued, "
                f"`asgml tail {name}` shows its answer"
            )
        time.sleep(POLL_SECONDS)


def _check_alive(run: Run) -> None:
    state = run.state()
    if state in ENDED:
        raise NotFoundError(f"{run.paths.name} is {state}, no trainer answers; {_remedy(run)}")
    if state == "stale":
        raise NotFoundError(f"{run.paths.name} is stale, its trainer gives no sign; {_remedy(run)}")


def _remedy(run: Run) -> str:
    return remedy_of(run)


def _knobs(run: Run, timeout: float) -> list[Knob]:
    """Return the declared knobs; wait for those of a trainer that is starting."""
    until = time.monotonic() + timeout
    while run.manifest is None:
        if run.state() in ENDED or time.monotonic() >= until:
            raise NotFoundError(
                f"{run.paths.name} is {run.state()} and has declared no knobs; "
                f"look at {run.paths.trainer_log}"
            )
        time.sleep(POLL_SECONDS)
        run.refresh()
    return list(run.manifest.knobs)


def _parse_set(knobs: list[Knob], given: ControlArguments) -> tuple[Knob, Value, Value | None]:
    name, _, text = (given.values or [""])[0].partition("=")
    knob = find_knob(name.strip(), knobs)
    expected = None if given.if_value is None else knob.parse(given.if_value)
    return knob, knob.parse(text.strip()), expected
