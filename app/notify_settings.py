"""The settings of `[notify]`: by which ways alerts reach the user. They are never part of a run."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_serializer,
    field_validator,
    model_validator,
)

FROM_ENVIRONMENT = "env:"
"""A value that begins so names the environment variable that holds the secret."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_MOST_TEXT = 4_000


class Webhook(BaseModel):
    """One address that alerts are posted to."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(description="https address, or env:NAME of a variable that holds it")
    format: Literal["json", "ntfy"] = Field("json", description="what is posted")
    headers: dict[str, str] = Field(
        default_factory=dict, description="further headers; a value may be env:NAME"
    )
    timeout: float = Field(10.0, gt=0, le=60, description="seconds for one try")
    insecure: bool = Field(False, description="allow http, without encryption, to another computer")

    @field_serializer("url", "headers")
    def _hidden(self, value: Any) -> Any:
        """Hide what may be a secret from whoever prints the settings."""
        if isinstance(value, dict):
            return {name: self._hidden(one) for name, one in value.items()}
        return value if value.startswith(FROM_ENVIRONMENT) else "(hidden)"

    @field_validator("headers")
    @classmethod
    def _plain_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _TOKEN.fullmatch(name) or not is_plain(value):
                # the value is a secret: it is never part of a message
                raise ValueError(f"header {name!r:.40} is no name with a value on one plain line")
        return headers

    @model_validator(mode="after")
    def _usable_address(self) -> Webhook:
        if not self.url.startswith(FROM_ENVIRONMENT) and (reason := refusal(self.url, self)):
            raise ValueError(reason)
        return self


class Notify(BaseModel):
    """The ways to the user: two in the dashboard, two for a user who is away."""

    model_config = ConfigDict(extra="forbid")

    bell: bool = Field(True, description="the dashboard rings the terminal's bell")
    title: bool = Field(True, description="the dashboard sets the terminal's title")
    hook: list[str] = Field(
        default_factory=list, description="a program and its arguments, run with each alert"
    )
    hook_timeout: float = Field(30.0, gt=0, le=3600, description="seconds until it is ended")
    webhooks: list[Webhook] = Field(default_factory=list, max_length=16)

    @field_validator("hook")
    @classmethod
    def _a_program(cls, hook: list[str]) -> list[str]:
        if hook and (not hook[0] or any("\0" in part for part in hook)):
            raise ValueError("hook is a list: a program, then its arguments")
        if hook and "/" in hook[0] and not hook[0].startswith(("/", "~")):
            raise ValueError("the program of hook needs its whole path, or a name in PATH")
        return hook

    @property
    def away(self) -> bool:
        """True where an alert is to reach a user without a dashboard."""
        return bool(self.hook or self.webhooks)


def refusal(url: str, webhook: Webhook) -> str:
    """Return why an address cannot be used, "" where it can. The address is no part of it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "url is no address"
    if len(url) > _MOST_TEXT or not is_plain(url) or " " in url or not host:
        return "url is no address such as https://ntfy.sh/TOPIC"
    if parts.username is not None:
        return "url holds a user name; give a header Authorization instead"
    if parts.scheme == "https" or (
        parts.scheme == "http" and (is_loopback(host) or webhook.insecure)
    ):
        return ""
    return "url is not https; set insecure = true to allow http to another computer"


def is_loopback(host: str) -> bool:
    """Return True for this computer's own address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_plain(text: str) -> bool:
    """Return True for one line that an HTTP header can carry."""
    return len(text) <= _MOST_TEXT and text.isascii() and text.isprintable()
