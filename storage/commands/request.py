"""A request to the trainer, and the validation of its form."""

from __future__ import annotations

import getpass
import json
import math
import os
import re
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from asgml.storage.format.knobs import Value

KINDS = ("pause", "resume", "stop", "checkpoint", "evaluate", "set", "note")
STOP_MODES = ("after_step", "now")
_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


@dataclass(frozen=True)
class Request:
    """One request to the trainer. Times are unix seconds.

    `if_value`: apply only while the knob has this value. `at_step`: wait for this step.
    `expires`: of no use afterwards. `how` belongs to `stop`: "after_step" finishes the step and
    saves a checkpoint, "now" saves none.
    """

    id: str
    kind: str
    knob: str | None
    value: Value | None
    issuer: str
    created: float
    if_value: Value | None = None
    at_step: int | None = None
    note: str | None = None
    expires: float | None = None
    how: str | None = None


@dataclass(frozen=True)
class BadRequest:
    """A file in `commands` that is no request. `id`: the name of the file; `reason`: one line."""

    id: str
    reason: str


class RequestError(ValueError):
    """An object that is no valid request. The message is one line."""


def make_request(
    kind: str,
    *,
    knob: str | None = None,
    value: Value | None = None,
    note: str | None = None,
    at_step: int | None = None,
    if_value: Value | None = None,
    expires_in: float | None = None,
    how: str | None = None,
) -> Request:
    """Return a request of this user at this moment, with a fresh id.

    Raise RequestError for one that the trainer would refuse as malformed.
    """
    now = time.time()
    expires = None if expires_in is None else now + expires_in
    request = Request(
        id=secrets.token_hex(8),
        kind=kind,
        knob=knob,
        value=value,
        issuer=_issuer(),
        created=now,
        if_value=if_value,
        at_step=at_step,
        note=note,
        expires=expires,
        how=how,
    )
    return _checked(asdict(request))


def request_from_json(content: bytes) -> Request:
    """Return the request in a file's content. Raise RequestError that names what is wrong."""
    return _checked(_parse(content))


def request_to_json(request: Request) -> bytes:
    record = {key: item for key, item in asdict(request).items() if item is not None}
    return json.dumps(record).encode()


def _parse(content: bytes) -> dict[str, Any]:
    try:
        record = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        # ValueError: bad JSON, bad UTF-8, numbers of too many digits
        raise RequestError("is no valid JSON") from None
    if not isinstance(record, dict):
        raise RequestError(f"is {type(record).__name__}, expected a JSON object")
    return record


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity, which are no JSON


def _checked(record: dict[str, Any]) -> Request:
    """Return the record as a Request. Raise RequestError that names the first wrong field."""
    for name, (expected, holds) in _FIELDS.items():
        if not holds(record.get(name)):
            raise RequestError(f"{name} is {_short(record.get(name))}, expected {expected}")
    known: dict[str, Any] = {name: record.get(name) for name in _FIELDS}
    return _checked_together(Request(**known))


def _checked_together(request: Request) -> Request:
    if request.kind == "set" and (request.knob is None or request.value is None):
        raise RequestError("set needs a knob and a value")
    if request.kind == "note" and not request.note:
        raise RequestError("note needs a text")
    return replace(request, how=request.how or "after_step") if request.kind == "stop" else request


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 2**63
    return isinstance(value, float) and math.isfinite(value)


def _is_value(value: Any) -> bool:
    return isinstance(value, (bool, str)) or _is_number(value)


def _is_step(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int) and value >= 0


def _optional(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or holds(value)


_Check = tuple[str, Callable[[Any], bool]]
_FIELDS: dict[str, _Check] = {
    "id": (
        "up to 100 letters, digits and . _ : -",
        lambda value: _is_text(value) and _ID.fullmatch(value) is not None,
    ),
    "kind": (f"one of {', '.join(KINDS)}", lambda value: _is_text(value) and value in KINDS),
    "knob": ("a name", _optional(_is_text)),
    "value": ("a number, text, true or false", _optional(_is_value)),
    "issuer": ("text", _is_text),
    "created": ("unix seconds", _is_number),
    "if_value": ("a number, text, true or false", _optional(_is_value)),
    "at_step": ("a whole number from 0", _optional(_is_step)),
    "note": ("text", _optional(_is_text)),
    "expires": ("unix seconds", _optional(_is_number)),
    "how": (" or ".join(STOP_MODES), _optional(lambda value: value in STOP_MODES)),
}
"""Field → what is expected of it, and the check."""


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def _issuer() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for its user id
        user = f"uid{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
