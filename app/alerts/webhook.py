"""A webhook: an alert posted to an address, as JSON or as ntfy has it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import urllib.error
import urllib.request
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from asgml.app.alerts.background import in_background
from asgml.app.alerts.failure import DeliveryError
from asgml.app.alerts.message import Message
from asgml.app.notify_settings import FROM_ENVIRONMENT, Webhook, is_loopback, is_plain, refusal

_PRIORITIES = {"info": "low", "warning": "default", "error": "high"}
_TAGS = {"info": "white_check_mark", "warning": "warning", "error": "rotating_light"}
_AGAIN = (408, 425, 429)
"""Codes of a client's error that may pass by itself."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an error: it could lead to another program, or give the secrets away."""

    def redirect_request(self, *given: Any) -> None:
        return None


def post(webhook: Webhook, message: Message) -> None:
    """Post an alert once. Raise DeliveryError, whose text holds no part of address or headers."""
    url = resolved(webhook.url)
    if reason := refusal(url, webhook):
        raise DeliveryError(reason, final=True)
    headers = {name: resolved(value) for name, value in webhook.headers.items()}
    if not all(is_plain(value) for value in headers.values()):
        raise DeliveryError("a header's value is no plain line", final=True)
    body, own = _ntfy(message) if webhook.format == "ntfy" else _json(message)
    request = urllib.request.Request(url, body, {**own, **headers}, method="POST")
    answer = in_background(partial(_exchange, request, webhook.timeout))
    try:
        # the limit of a socket counts from byte to byte: a server that drips would never reach it
        answer.result(webhook.timeout)
    except urllib.error.HTTPError as error:
        final = 300 <= error.code < 500 and error.code not in _AGAIN
        redirect = "; redirects are not followed" if 300 <= error.code < 400 else ""
        raise DeliveryError(f"HTTP {error.code}{redirect}", final=final) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DeliveryError(_reason(error)) from None


def _exchange(request: urllib.request.Request, timeout: float) -> None:
    """Send a request and read the beginning of its answer, `timeout` seconds for each step."""
    try:
        with _opener(request.full_url).open(request, timeout=timeout) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        error.close()
        raise


def resolved(value: str) -> str:
    """Return a value of the settings; of `env:NAME` that of the variable. Raise DeliveryError."""
    if not value.startswith(FROM_ENVIRONMENT):
        return value
    name = value.removeprefix(FROM_ENVIRONMENT)
    if name not in os.environ:
        raise DeliveryError(f"the environment variable {name} is not set", final=True)
    return os.environ[name]


def _json(message: Message) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(message.record(), allow_nan=False).encode("ascii")
    return body, {"Content-Type": "application/json", "User-Agent": "asgml"}


def _ntfy(message: Message) -> tuple[bytes, dict[str, str]]:
    level = message.alert.level
    return message.text.encode(), {
        "Content-Type": "text/plain; charset=utf-8",
        "User-Agent": "asgml",
        "Title": encoded_word(message.title),
        "Priority": _PRIORITIES.get(level, "default"),
        "Tags": _TAGS.get(level, "warning"),
    }


def encoded_word(text: str) -> str:
    """Return a text as a header carries it: as it is in ASCII, else as one word of RFC 2047."""
    if is_plain(text):
        return text
    return f"=?utf-8?b?{base64.b64encode(text.encode('utf-8', 'replace')).decode('ascii')}?="


def _opener(url: str) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if is_loopback(urlsplit(url).hostname or ""):  # a proxy would look for it on its own computer
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


def _reason(error: Exception) -> str:
    """Return an error without what it says itself: that may hold the address."""
    inner = getattr(error, "reason", error)
    if isinstance(inner, OSError) and inner.strerror:
        return f"no connection ({type(inner).__name__})"
    return f"no answer ({type(inner).__name__})"
