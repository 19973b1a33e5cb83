"""Alert rules beside the trainer: evaluated by the writer's thread on rows that are numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.storage.alerts.evaluation import Evaluation, Finding
from asgml.storage.alerts.rules import WAYS
from asgml.storage.alerts.user_rules import rules_of_run
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.safe_text import error_line
from asgml.storage.read.reader import Run


class AlertWatch:
    """The rules of one run, and what they have found that is not recorded yet.

    `add` belongs to the thread that writes, `pop_events` to the one that trains. A rule costs no
    look at the device: it reads the numbers that are written anyway.
    """

    def __init__(self, manifest: Manifest) -> None:
        rules, self.problems = rules_of_run(manifest.config)
        columns = {str(table): manifest.columns(table) for table in TABLES}
        self._evaluation: Evaluation | None = Evaluation(rules, manifest.metrics, columns, manifest)
        # a deque: one thread appends, the other takes
        self._found: deque[tuple[str, dict[str, Any]]] = deque()

    def add(self, table: str, rows: npt.NDArray[np.float64]) -> None:
        """Evaluate the rules on new rows. A defect ends the rules, it never costs a row."""
        if self._evaluation is None:
            return
        try:
            found = self._evaluation.add(table, rows)
        except Exception as error:  # noqa: BLE001 - whatever it is, the rows are written
            self._evaluation = None
            message = f"the alert rules have stopped: {error_line(error)}"
            self._found.append(("alert", {"level": "warning", "message": message}))
        else:
            self._found.extend(_event(finding) for finding in found)

    def catch_up(self, earlier: Run, step: int) -> None:
        """Take the rows up to the checkpoint that a run goes on from; what they gave was told."""
        for table in TABLES:
            rows = earlier.table(table)[earlier.current_rows(table)]
            self.add(table, rows[rows[:, 0] <= step])
        self._found.clear()

    def pop_events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (kind, fields) of the event of each finding, once."""
        while self._found:
            yield self._found.popleft()


def _event(finding: Finding) -> tuple[str, dict[str, Any]]:
    """Return (kind, fields): an alert, or a phase where a rule's condition holds no more."""
    rule = finding.rule
    fields: dict[str, Any] = {
        "level": rule.level,
        "message": finding.message,
        "rule": rule.name,
        "at_step": finding.step,
        "column": finding.column,
        "value": str(finding.value),
    }
    if finding.over:
        return "phase", {key: value for key, value in fields.items() if key != "level"}
    return "alert", fields if rule.notify == WAYS else {**fields, "notify": list(rule.notify)}
