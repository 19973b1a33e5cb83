"""Events as sentences: what happened in a run, a line each, for people who read without the dashboard."""

from __future__ import annotations

import math

from asgml.storage.format.events import SCORES, Event


def sentence(event: Event) -> str:
    """The event in words, without its step. The text is as it came: make it `visible` before printing."""
    if event.kind == "command":
        return answer(event)
    if event.kind in {"started", "resumed"}:
        return f"{event.kind} by process {event.get('pid', '?')} on {event.get('host', '?')}"
    if event.kind == "alert":
        return f"{event.get('level', 'alert')}: {event.get('message', '')}"
    if event.kind == "checkpoint":
        return f"checkpoint {event.get('path', '?')}{_size(event.get('bytes'))}{_why(event.get('why'))}"
    if event.kind == "evaluation":
        found = [
            f"{name.replace('_', ' ')} {number(event.get(name))}"
            for name in SCORES
            if name in event.fields
        ]
        return f"evaluation of {event.get('split', '?')}: {', '.join(found)}"
    if event.kind == "unreadable":
        return f"unreadable event: {event.get('reason', '')}"
    rest = event.get("message") or event.get("error") or event.get("how") or event.get("reason")
    return (
        str(rest) if event.kind == "phase" and rest else event.kind + (f": {rest}" if rest else "")
    )


def answer(event: Event) -> str:
    """What became of a command: the request, and the change or the reason."""
    asked = " ".join(str(part) for part in (event.get("command"), event.get("knob")) if part)
    text = f"{asked} {event.get('answer', '?')}"
    if event.get("answer") == "applied" and event.get("knob"):
        text += f": {setting(event.get('before'))} → {setting(event.get('after'))}"
    if event.get("reason"):
        text += f": {event.get('reason')}"
    issuer = f" by {event.get('issuer')}" if event.get("issuer") else ""
    note = f" “{event.get('note')}”" if event.get("note") else ""
    return text + issuer + note


def setting(value: object) -> str:
    """A knob's value, written so that it can be typed back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def number(value: object) -> str:
    """A measured number with the digits that matter, – where there is none."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else f"{value:.4g}"
    return "–" if value is None else str(value)


def duration(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    whole = max(int(seconds), 0)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _size(count: object) -> str:
    return f", {count / 2**20:.1f} MiB" if isinstance(count, (int, float)) else ""


def _why(why: object) -> str:
    return f" ({why})" if why else ""
