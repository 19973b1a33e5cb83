"""The fields of a request to the trainer: what each may hold, and with which kinds it goes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from asgml.storage.format.typed import is_text

KINDS = ("pause", "resume", "stop", "checkpoint", "evaluate", "set", "undo", "note")
STOP_MODES = ("after_step", "now")
MOST_NOTE = 4000
"""Characters of a note, or of the reason that goes with another request."""
MOST_STEPS = 10**12
"""Most steps that a change for a time may last."""
_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


def _is_number(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 2**63
    return isinstance(value, float) and math.isfinite(value)


def _is_value(value: Any) -> bool:
    return isinstance(value, (bool, str)) or _is_number(value)


def _is_step(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int) and value >= 0


def _is_note(value: Any) -> bool:
    return is_text(value) and len(value) <= MOST_NOTE


def _optional(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or holds(value)


_Check = tuple[str, Callable[[Any], bool]]
FIELDS: dict[str, _Check] = {
    "id": (
        "up to 100 letters, digits and . _ : -",
        lambda value: is_text(value) and _ID.fullmatch(value) is not None,
    ),
    "kind": (f"one of {', '.join(KINDS)}", lambda value: is_text(value) and value in KINDS),
    "knob": ("a name", _optional(is_text)),
    "value": ("a number, text, true or false", _optional(_is_value)),
    "issuer": ("text", is_text),
    "created": ("unix seconds", _is_number),
    "if_value": ("a number, text, true or false", _optional(_is_value)),
    "at_step": ("a whole number from 0", _optional(_is_step)),
    "note": (f"text of up to {MOST_NOTE} characters", _optional(_is_note)),
    "expires": ("unix seconds", _optional(_is_number)),
    "how": (" or ".join(STOP_MODES), _optional(lambda value: value in STOP_MODES)),
    "for_steps": (
        f"a whole number from 1 to {MOST_STEPS:.0e}",
        _optional(lambda value: _is_step(value) and 0 < value <= MOST_STEPS),
    ),
    "undoes": ("the id of a command", _optional(is_text)),
    "weights": ("true or false", _optional(lambda value: isinstance(value, bool))),
}
"""Field → what is expected of it, and the check. `id` comes first: later faults name it."""
OF_ONE_KIND = {"for_steps": "set", "undoes": "undo", "weights": "undo"}
"""Field → the one kind of request that may have it."""
