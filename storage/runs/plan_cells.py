"""The runs of a plan's cells, found by their settings; a run of that name with others is stale."""

from __future__ import annotations

from collections.abc import Iterable

from asgml.storage.format.status import ALIVE
from asgml.storage.runs.plan_record import PlanCell
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import cell_digest


class CellRuns:
    """The records of a plan's folder, by the digest of their settings and by their names."""

    def __init__(self, records: Iterable[RunRecord]) -> None:
        self._by_name: dict[str, RunRecord] = {}
        self._by_digest: dict[str, list[RunRecord]] = {}
        for record in records:
            self._by_name[record.path.name] = record
            if record.settings:
                digest = cell_digest(record.settings)
                self._by_digest.setdefault(digest, []).append(record)

    def find(self, cell: PlanCell) -> tuple[RunRecord | None, bool]:
        """Return the run of a cell, None where there is none yet; and whether it is stale.

        Of several with the settings that the cell asks for, a finished one counts, else one that
        lives, else the newest. A run that has the cell's name and other settings is stale; one
        whose settings cannot be read is not.
        """
        asked = self._by_digest.get(cell.digest, [])
        if asked:
            return min(asked, key=_rank), False
        named = self._by_name.get(cell.run)
        return named, named is not None and bool(named.settings)


def _rank(record: RunRecord) -> tuple[int, float]:
    kind = 0 if record.state == "finished" else 1 if record.state in ALIVE else 2
    return kind, -(record.started or 0.0)
