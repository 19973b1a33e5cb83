"""The wording of events, one line each: for the dashboard and for the commands that print them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from asgml.storage.format.events import SCORES, Event
from asgml.storage.format.knobs import Value
from asgml.storage.format.safe_text import safe
from asgml.storage.format.typed import is_count
from asgml.storage.format.value_text import duration, number, setting, size

STARTS_OR_ENDS = ("started", "resumed", "finished", "stopped", "failed", "diverged")
DIVERGED_TAG = "DIV"
_QUICK_SECONDS = 5.0
"""A longer latency is no acknowledgement any more: the request waited for its step."""


@dataclass(frozen=True)
class EventText:
    """An event as shown, safe to print: a tag of up to five letters, and what happened."""

    tag: str
    text: str

    @property
    def line(self) -> str:
        """Tag and text, the texts of several lines aligned."""
        return f"{self.tag:<5} {self.text}"


def event_texts(events: Iterable[Event]) -> list[EventText]:
    """Return the texts of a run's events, in their order; a resume tells how long the pause was."""
    return [event_text(event, pause) for event, pause in with_pauses(events)]


def with_pauses(events: Iterable[Event]) -> Iterator[tuple[Event, Event | None]]:
    """Yield each event with the applied pause that the training was in before it, None for none."""
    pause: Event | None = None
    for event in events:
        yield event, pause
        pause = _pause_after(event, pause)


def event_text(event: Event, pause: Event | None = None) -> EventText:
    """Return the text of one event. `pause`: the pause that it may end."""
    if event.kind == "command":
        return EventText("CMD", _command_text(event, pause))
    if event.kind in _WORDINGS:
        tag, wording = _WORDINGS[event.kind]
        return EventText(tag, wording(event))
    return EventText("RUN", _field(event, "message", safe(event.kind)))


def is_applied(event: Event) -> bool:
    """Return True for the answer to a command that the trainer carried out."""
    return event.kind == "command" and event.get("answer") == "applied"


def reply_text(event: Event) -> str:
    """Return the answer to a command for its sender: `applied at step 120: lr 0.1 → 0.05`."""
    text = f"{event.get('answer')} at step {event.step}: "
    if not is_applied(event):
        asked = " ".join(str(item) for item in (event.get("command"), event.get("knob")) if item)
        return text + asked + (f": {event.get('reason')}" if event.get("reason") else "")
    if not event.get("knob"):
        return text + str(event.get("command"))
    before, after = setting(event.get("before")), setting(event.get("after"))
    if event.get("command") == "undo":
        return text + f"undone, {_way_back(event)}"
    undone = "undone, " if event.get("undo") else ""
    return text + f"{undone}{event.get('knob')} {before} → {after}{_until(event)}"


def _pause_after(event: Event, pause: Event | None) -> Event | None:
    if is_applied(event) and event.get("command") in ("pause", "resume", "stop"):
        return event if event.get("command") == "pause" else None
    return None if event.kind in STARTS_OR_ENDS else pause


def _start(event: Event) -> str:
    return f"{event.kind}  pid {safe(event.get('pid'))}  host {_field(event, 'host', '?')}"


def _checkpoint(event: Event) -> str:
    path, why = _field(event, "path", "saved"), _field(event, "why")
    return _join(path, _amount(event, "bytes", size), _amount(event, "seconds", _seconds), why)


def _evaluation(event: Event) -> str:
    scores = [
        f"{name.replace('_', ' ')} {_score(event, name)}" for name in SCORES if name in event.fields
    ]
    return _join(_field(event, "split"), *scores)


def _score(event: Event, name: str) -> str:
    """Return a score's text; null is what JSON has for NaN and infinity."""
    return "not finite" if event.get(name) is None else _amount(event, name, number) or "–"


def _unreadable(event: Event) -> str:
    return _join("an event line cannot be read:", _field(event, "reason"))


_WORDINGS = {
    "started": ("RUN", _start),
    "resumed": ("RUN", _start),
    "checkpoint": ("CKPT", _checkpoint),
    "evaluation": ("EVAL", _evaluation),
    "alert": ("WARN", lambda event: _field(event, "message")),
    "phase": ("PHASE", lambda event: _field(event, "message", "phase")),
    "failed": ("FAIL", lambda event: _field(event, "error", "failed")),
    "diverged": (DIVERGED_TAG, lambda event: _field(event, "message", "diverged")),
    "unreadable": ("????", _unreadable),
}


def _command_text(event: Event, pause: Event | None) -> str:
    issuer = f"by {safe(event.get('issuer'))}" if event.get("issuer") else ""
    if not is_applied(event):
        answer, reason = safe(event.get("answer")), safe(event.get("reason", ""))
        return _join(f"{_request(event)} {answer}: {reason}", issuer)
    held = ""
    if event.get("command") == "resume" and pause is not None:
        held = f"held {duration(event.wall_time - pause.wall_time)}"
    note = event.get("note") if event.get("command") != "note" else None
    quoted = f"“{safe(note)}”" if note else ""
    return _join(_request(event), held, quoted, issuer, _amount(event, "latency", _latency))


def _request(event: Event) -> str:
    command = safe(event.get("command", "?"))
    if command == "set":
        change = _change(safe(event.get("knob", "?")), event.get("before"), event.get("after"))
        return f"{'undo: ' if event.get('undo') else ''}{change}{_until(event)}"
    if command == "undo" and is_applied(event):
        return f"undo: {_way_back(event)}"
    if command == "note":
        return f"note “{safe(event.get('note', ''))}”"
    return f"stop {safe(event.get('how', ''))}".strip() if command == "stop" else command


def _change(knob: str, before: Value | None, after: Value | None) -> str:
    if after is None:
        return f"set {knob}"
    old = f"{setting(before)} " if before is not None else ""
    return f"set {knob} {old}→ {setting(after)}"


def _until(event: Event) -> str:
    """Return until when a change for a time lasts, "" for a lasting one."""
    until = event.get("until")
    return f" until step {until}" if is_count(until) else ""


def _way_back(event: Event) -> str:
    knob, after = safe(event.get("knob", "?")), setting(event.get("after"))
    return f"back to the checkpoint of step {safe(event.get('to_step', '?'))}, {knob} {after}"


def _latency(seconds: float) -> str:
    quick = seconds < _QUICK_SECONDS
    return f"ack {seconds:.1f} s" if quick else f"after {duration(seconds)}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s"


def _field(event: Event, name: str, default: str = "") -> str:
    """A field's text; `default` where it is absent or, in a foreign run, of another type."""
    value = event.get(name)
    return safe(value) if isinstance(value, str) else default


def _amount(event: Event, name: str, wording: Callable[[float], str]) -> str:
    """Return a number's text; "" for no number, or one that is too large for a float."""
    value = event.get(name)
    try:
        return wording(float(value)) if isinstance(value, (int, float)) else ""
    except OverflowError:
        return ""


def _join(*texts: str) -> str:
    return "  ".join(text for text in texts if text)
