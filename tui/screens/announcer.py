"""Alerts by the ways of the dashboard: the terminal's bell and title, and a line in the corner."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from asgml.storage.alerts.alert import Alert, alerts_from
from asgml.storage.alerts.rules import Rule
from asgml.storage.alerts.user_rules import rules_of_run
from asgml.storage.format.status import ENDED_BADLY
from asgml.tui.messages import Severity
from asgml.tui.scene.scene import Scene
from asgml.tui.terminal.themed_app import ThemedApp
from asgml.tui.terminal.title import TerminalTitle, has_title

_SEVERITIES: dict[str, Severity] = {"info": "information", "error": "error"}
_SECONDS = 10.0
"""An alert stays as long as what went wrong: it has to be read to the end."""


@dataclass
class _Known:
    """What was told of the run on screen: events, and what only its state tells."""

    name: str
    began: bool
    rules: tuple[Rule, ...]
    events: int
    told: set[str]


class Announcer:
    """Tells of what is new in the scenes of a run. What was there when it was opened is not new.

    `ways` are those that the user wants of bell, title and toast.
    """

    def __init__(self, app: ThemedApp, ways: Collection[str]) -> None:
        self._app = app
        self._ways = frozenset(ways) - (frozenset() if has_title() else {"title"})
        self._title = TerminalTitle(app.send)
        self._known: _Known | None = None

    def announce(self, scene: Scene) -> None:
        """Ring, set the title and show a line, as the rules of the alerts say."""
        if "title" in self._ways:
            sign = self._app.theme_styles.glyph("▲", "!")
            self._title.show(title_of(scene, sign))
        if scene.transport is not None:  # a replay tells of the past
            return
        new = self._new_alerts(scene)
        if "bell" in self._ways and any("bell" in alert.notify for alert in new):
            self._app.bell()
        shown = [alert for alert in new if "toast" in alert.notify]
        if "toast" in self._ways and shown:
            self._show(shown[-1], len(shown) - 1)

    @property
    def owed(self) -> str:
        """What the terminal is still to be sent, where nobody can close this any more."""
        return self._title.owed

    def close(self) -> None:
        """Give the terminal its title back."""
        self._title.restore()

    def _show(self, alert: Alert, more: int) -> None:
        """Show the newest of several alerts in one line."""
        text = f"{alert.message} (and {more} more: A)" if more else alert.message
        severity = _SEVERITIES.get(alert.level, "warning")
        self._app.notify(text, severity=severity, markup=False, timeout=_SECONDS)

    def _new_alerts(self, scene: Scene) -> list[Alert]:
        events, known = scene.history.events, self._known
        began = scene.manifest is not None
        if known is None or known.name != scene.name or len(events) < known.events:
            told = {alert.id for alert in scene.state_alerts}
            self._known = _Known(scene.name, began, _rules(scene), len(events), told)
            return []
        if began and not known.began:  # now it is known which rules the run has
            known.began, known.rules = True, _rules(scene)
        numbered = list(enumerate(events[known.events :], known.events))
        known.events = len(events)
        found = [*alerts_from(numbered, known.rules), *scene.state_alerts]
        new = [alert for alert in found if alert.id not in known.told]
        known.told |= {alert.id for alert in new}
        return [alert for alert in new if alert.id not in scene.acknowledged]


def title_of(scene: Scene, sign: str) -> str:
    """Return the title of a scene: it changes with the state and the alerts, not with the steps."""
    count = len(scene.open_alerts)
    bad = scene.state in (*ENDED_BADLY, "stale")
    alerts = f" {sign}{count}" if count else ""
    return f"{f'{sign} ' if count or bad else ''}{scene.name} {scene.state}{alerts}"


def _rules(scene: Scene) -> tuple[Rule, ...]:
    return rules_of_run(scene.manifest.config if scene.manifest is not None else {})[0]
