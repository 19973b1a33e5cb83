"""A request to the trainer, and the validation of its form."""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from asgml.storage.commands.request_fields import FIELDS, KINDS, OF_ONE_KIND, STOP_MODES
from asgml.storage.format.knobs import Value
from asgml.storage.format.typed import is_text

__all__ = [
    "KINDS",
    "STOP_MODES",
    "BadRequest",
    "Request",
    "RequestError",
    "issuer",
    "make_request",
    "request_from_json",
    "request_to_json",
]


@dataclass(frozen=True)
class Request:
    """One request to the trainer. Times are unix seconds.

    `if_value`: apply only while the knob has this value. `at_step`: wait for this step.
    `expires`: of no use afterwards. `how` belongs to `stop`: "after_step" finishes the step and
    saves a checkpoint, "now" saves none. `note`: the text of a note; with any other kind, why it is
    sent. `for_steps` belongs to `set`: the knob gets its value back after so many steps. To `undo`
    belong `undoes`, the id that must be the last change's, and `weights`: go back to the last
    checkpoint before that change.
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
    for_steps: int | None = None
    undoes: str | None = None
    weights: bool | None = None


@dataclass(frozen=True)
class BadRequest:
    """A file in `commands` that is no request. `reason`: one line.

    `id`: the name of the file, or its own id where it is a request but for fields or a kind that
    this version does not know.
    """

    id: str
    reason: str


class RequestError(ValueError):
    """An object that is no valid request. The message is one line.

    `id` is that of a request which a newer program may have sent, "" for any other.
    """

    def __init__(self, message: str, id: str = "") -> None:
        super().__init__(message)
        self.id = id


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
    for_steps: int | None = None,
    undoes: str | None = None,
    weights: bool | None = None,
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
        issuer=issuer(),
        created=now,
        if_value=if_value,
        at_step=at_step,
        note=note,
        expires=expires,
        how=how,
        for_steps=for_steps,
        undoes=undoes,
        weights=weights,
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
    for name, (expected, holds) in FIELDS.items():
        if not holds(record.get(name)):
            newer = str(record["id"]) if name == "kind" and is_text(record.get(name)) else ""
            raise RequestError(f"{name} is {_short(record.get(name))}, expected {expected}", newer)
    if unknown := [key for key in record if key not in FIELDS]:
        raise RequestError(
            f"{_short(unknown[0])} is no field of a request to this version, which may be older "
            "than the sender's",
            record["id"],
        )
    known: dict[str, Any] = {name: record.get(name) for name in FIELDS}
    return _checked_together(Request(**known))


def _checked_together(request: Request) -> Request:
    if request.kind == "set" and (request.knob is None or request.value is None):
        raise RequestError("set needs a knob and a value")
    if request.kind == "note" and not request.note:
        raise RequestError("note needs a text")
    for name, kind in OF_ONE_KIND.items():
        if getattr(request, name) is not None and request.kind != kind:
            raise RequestError(f"{name} belongs to {kind}, not to {request.kind}")
    return replace(request, how=request.how or "after_step") if request.kind == "stop" else request


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def issuer() -> str:
    """Return who sends requests from here: user@host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for its user id
        user = f"uid{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
