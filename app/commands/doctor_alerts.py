"""The part of `asgml doctor` about alerts: can they reach a user who is away."""

from __future__ import annotations

import os
import shutil

from asgml.app.alerts.failure import DeliveryError
from asgml.app.alerts.webhook import resolved
from asgml.app.commands.doctor_report import Check
from asgml.app.errors import UserError
from asgml.app.notify_settings import Notify, Webhook
from asgml.app.settings import load_settings


def alert_checks() -> list[Check]:
    """Return what is wrong with hook and webhooks; nothing is sent, as `asgml alerts --test` does.

    Without either there is one note of how to have them.
    """
    try:
        notify = load_settings().notify
    except UserError as error:
        return [Check("alerts", "note", "the settings cannot be read", str(error))]
    if not notify.away:
        remedy = "to hear of a run while you are away: a hook or webhook, docs/alerts.md"
        return [Check("alerts", "ok", "in the dashboard alone", remedy)]
    return [*_hook(notify), *(_webhook(n, each) for n, each in enumerate(notify.webhooks, 1))]


def _hook(notify: Notify) -> list[Check]:
    if not notify.hook:
        return []
    program = os.path.expanduser(notify.hook[0])
    if shutil.which(program) is None:
        return [Check("hook", "note", f"{program} is no program", "correct notify.hook")]
    return [Check("hook", "ok", program)]


def _webhook(number: int, webhook: Webhook) -> Check:
    name = f"webhook {number}"
    try:
        for value in (webhook.url, *webhook.headers.values()):
            resolved(value)
    except DeliveryError as error:
        return Check(name, "note", str(error), "set it where trainings are started")
    return Check(name, "ok", f"{webhook.format}; `asgml alerts --test` tries it")
