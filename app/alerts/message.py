"""What is told of an alert: a record for programs, a title and a text for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgml.storage.alerts.alert import Alert
from asgml.storage.format.safe_text import one_line
from asgml.storage.read.summary import iso_time


@dataclass(frozen=True)
class Source:
    """The run that an alert is of, as its user knows it."""

    name: str
    path: str
    host: str


@dataclass(frozen=True)
class Message:
    """An alert of a run. Every text is safe: one line, no control character."""

    alert: Alert
    source: Source

    @property
    def title(self) -> str:
        return one_line(f"{self.source.name}: {self.alert.rule}")

    @property
    def text(self) -> str:
        return one_line(self.alert.message)

    def record(self) -> dict[str, Any]:
        """Return the alert for a program; `text` is what chat programs show of a webhook."""
        alert = self.alert
        return {
            "text": f"{self.title}: {self.text}",
            "run": one_line(self.source.name),
            "path": one_line(self.source.path),
            "host": one_line(self.source.host),
            "id": alert.id,
            "rule": alert.rule,
            "level": alert.level,
            "step": alert.step,
            "time": iso_time(alert.wall_time),
            "column": alert.column,
            "message": self.text,
        }

    def environment(self) -> Mapping[str, str]:
        """Return the record as variables ASGML_ALERT_…"""
        return {
            f"ASGML_ALERT_{key.upper()}": "" if value is None else str(value)
            for key, value in self.record().items()
        }
