"""What is typed after `asgml ctl RUN`: options that do not go with the request are refused."""

from __future__ import annotations

from dataclasses import replace

from asgml.app.control_arguments import ControlArguments
from asgml.app.errors import UserError
from asgml.storage.format.step_span import UNITS

_OF_ONE_ACTION = (
    ("if_value", "--if-value", "set"),
    ("for_", "--for", "set"),
    ("now", "--now", "stop"),
    ("checkpoint", "--checkpoint", "undo"),
)
"""Field, option, and the one action that it belongs to."""


def check_usage(given: ControlArguments) -> ControlArguments:
    """Return the request with its span in one piece. Raise UserError for what does not fit."""
    given = _with_whole_span(given)
    action, values = given.action.value, given.values or []
    if action == "set" and (len(values) != 1 or "=" not in values[0]):
        raise UserError(
            f"set {' '.join(values)}: expected one KNOB=VALUE, "
            "such as `asgml ctl RUN set boost.alpha=0.25`"
        )
    if action == "note" and not " ".join(values).strip():
        raise UserError("note: expected a text, such as `asgml ctl RUN note 'audio diverges'`")
    if values and action not in {"set", "note"}:
        raise UserError(
            f"{action} takes no {' '.join(values)!r}; only set and note are followed by something"
        )
    for name, option, owner in _OF_ONE_ACTION:
        if getattr(given, name) not in (None, False) and action != owner:
            raise UserError(f"{option} belongs to {owner}, not to {action}; leave it out")
    if given.reason is not None and action == "note":
        raise UserError("--reason belongs to the other requests: a note is its own; leave it out")
    return given


def _with_whole_span(given: ControlArguments) -> ControlArguments:
    """Join the words of `--for 500 steps`, of which the shell makes two."""
    *values, last = given.values or [""]
    if given.for_ is not None and given.for_.strip().isdecimal() and last.lower() in UNITS:
        return replace(given, for_=f"{given.for_} {last}", values=values)
    return given
