"""Who may see a served dashboard: the token, the names of this server, and the page's origin."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import socket
from dataclasses import dataclass, field

from asgml.app.errors import UserError

SHORTEST_TOKEN = 16
"""Characters of a token that is given; one that is drawn has 43, which are 256 bits."""
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z._-]+)(:\d{1,5})?", re.ASCII | re.IGNORECASE)
LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain"})


@dataclass(frozen=True)
class Guard:
    """The rules for one server.

    `ticket` is what a browser's cookie holds: another secret than the token, which a person may
    have used elsewhere. `names` are the host names of a request that may mean this server;
    numbers of machines are accepted where `anywhere`, else those of the loopback alone.
    """

    token: str
    names: frozenset[str]
    anywhere: bool
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def knows_token(self, given: str) -> bool:
        """Return True for the token; the time taken tells nothing about it."""
        return _equal(given, self.token)

    def knows_ticket(self, given: str) -> bool:
        return _equal(given, self.ticket)

    def refusal(self, host: str, origin: str | None, *, needs_origin: bool = False) -> str:
        """Return why a request is refused before its token is looked at; "" where it is not.

        `host` and `origin` are its headers. A page of another server has another origin, and a
        foreign name that was pointed at this address (DNS rebinding) is another host.
        """
        if not self._is_ours(host):
            return "this server does not go by that name"
        if origin is None:
            return "the page has no origin" if needs_origin else ""
        scheme, _, place = origin.partition("://")
        same = scheme in ("http", "https") and place.lower() == host.lower()
        return "" if same else "the page is another server's"

    def _is_ours(self, host: str) -> bool:
        name = host_name(host)
        if not _HOST.fullmatch(host):
            return False
        if name in self.names:
            return True
        address = _address(name)
        return address is not None and (self.anywhere or address.is_loopback)


def make_guard(host: str, token: str | None) -> Guard:
    """Return the guard of a server that listens at `host`. Raise UserError for a short token."""
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise UserError(
            f"--token: {len(token)} characters; expected {SHORTEST_TOKEN} or more, "
            "or leave it out: then one is drawn"
        )
    anywhere = not is_loopback(host)
    own = frozenset({host.lower(), socket.gethostname().lower()}) if anywhere else frozenset()
    return Guard(token or secrets.token_urlsafe(32), LOOPBACK_NAMES | own, anywhere)


def is_loopback(host: str) -> bool:
    """Return True for an address or a name that only this computer reaches."""
    address = _address(host.lower())
    return address.is_loopback if address is not None else host.lower() in LOOPBACK_NAMES


def host_name(host: str) -> str:
    """Return the name in a Host header, `[::1]:8765` as `::1`."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _equal(given: str, secret: str) -> bool:
    # of equal length whatever was given, and in a time that does not depend on it
    pair = (hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in (given, secret))
    return hmac.compare_digest(*pair)
