"""The targets of alerts for a user who is away: the hook and each webhook, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from asgml.app.alerts.hook import run_hook
from asgml.app.alerts.message import Message
from asgml.app.alerts.webhook import post
from asgml.app.notify_settings import Notify

HOOK_TRIES = 5
"""A program that fails five times has a fault of its own."""
POST_TRIES = 80
"""Six hours, with the pauses of the queue: a server that is down over lunch, or over night."""


@dataclass(frozen=True)
class Target:
    """One place that alerts go to; `way` is the one that rules name. The name holds no secret.

    `send` raises DeliveryError; `tries` is how often it is worth a try.
    """

    name: str
    way: str
    send: Callable[[Message], None]
    tries: int


def targets_of(notify: Notify) -> tuple[Target, ...]:
    """Return the targets of the settings."""
    hook = Target("hook", "hook", partial(run_hook, notify), HOOK_TRIES)
    webhooks = [
        Target(f"webhook {number} ({each.format})", "webhook", partial(post, each), POST_TRIES)
        for number, each in enumerate(notify.webhooks, 1)
    ]
    return (*([hook] if notify.hook else []), *webhooks)
