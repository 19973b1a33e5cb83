"""The recorder: rows and events of a run, from the tensors and numbers of its steps.

Tensors stay on their device; the writer's background thread turns a whole batch of rows into
numbers with one copy to the host, so a step never waits for the device.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from asgml.core.run.alert_watch import AlertWatch
from asgml.core.run.faults import Fault, FaultWatch
from asgml.core.run.stopwatch import Stopwatch
from asgml.core.types import Scalar
from asgml.storage.format.events import Event
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import LATER, TABLES, Table
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter

Row = tuple[Table, list[Scalar]]
"""The table that a row belongs to, and its values."""


class Recorder:
    """Rows and events stamped with step, times and segment, and the alerts of the run's rules."""

    def __init__(self, manifest: Manifest, stopwatch: Stopwatch) -> None:
        self.columns = {table: manifest.columns(table) for table in TABLES}
        self.stopwatch = stopwatch
        self.step = 0
        self.epoch = 0
        self._index = {
            table: {name: i for i, name in enumerate(names)}
            for table, names in self.columns.items()
        }
        self.alert_watch = AlertWatch(manifest)
        self.fault_watch = FaultWatch(self.columns["steps"])
        self._writer: RunWriter | None = None

    def open(self, writer: RunWriter) -> None:
        """Record into a run from here on. The writer is made later, since it needs `to_array`."""
        self._writer = writer

    @property
    def writer(self) -> RunWriter:
        if self._writer is None:
            raise RuntimeError("the recorder was not opened")
        return self._writer

    def record(self, table: Table, values: Mapping[str, Scalar]) -> None:
        """Record one row; columns that `values` lacks are NaN. Raise KeyError for another name.

        What an older run has no column for is left out.
        """
        row: list[Scalar] = [math.nan] * len(self.columns[table])
        # the axes of storage/format/metrics.py, in their order
        row[:4] = [self.step, time.time(), self.stopwatch.seconds(), self.writer.segment]
        index = self._index[table]
        for name, value in values.items():
            if name not in index:
                if name.partition("/")[0] in LATER:
                    continue
                raise KeyError(
                    f"no column {name!r} in the table {table!r}: "
                    "only the metrics of storage/format/metrics.py can be recorded"
                )
            row[index[name]] = value
        self.writer.append(table, (table, row))
        if table == "steps":
            self.writer.mark(step=self.step, epoch=self.epoch)

    def event(self, kind: str, **fields: Any) -> None:
        active = self.stopwatch.seconds()
        segment = self.writer.segment
        self.writer.event(Event(kind, self.step, time.time(), active, segment, fields))

    def published_bytes(self) -> int:
        """Return the bytes of rows (before compression) and texts that readers can see."""
        head = self.writer.head
        rows = sum(8 * len(self.columns[table]) * head.rows[table] for table in TABLES)
        return rows + sum(head.text_bytes.values())

    def set_state(self, state: State) -> None:
        """Publish a change of state at once."""
        self.writer.mark(state=state, step=self.step, epoch=self.epoch)
        self.writer.flush()

    @property
    def faults(self) -> dict[str, Fault]:
        """The first fault of each watched column, in the rows that are numbers by now."""
        return self.fault_watch.faults

    def publish(self) -> None:
        """Publish all that was recorded so far, so that `faults` is up to this step."""
        self.writer.flush()

    def close(self, end: State) -> None:
        """Publish all that was recorded, and end the run in this state."""
        self.writer.close(end)

    def emit_alerts(self) -> None:
        """Record what the background thread found as events; cheap when there is nothing."""
        for kind, fields in self.alert_watch.pop_events():
            self.event(kind, **fields)

    def emit_last_alerts(self) -> None:
        """Publish all rows so far, and record what the alert rules find in them."""
        self.writer.flush()
        self.emit_alerts()

    def to_array(self, batch: list[Row]) -> npt.NDArray[np.float64]:
        """Return rows of one table as numbers (rows, columns). Runs in the background thread."""
        rows = [row for _, row in batch]
        numbers = np.array(
            [[0.0 if isinstance(value, Tensor) else value for value in row] for row in rows],
            np.float64,
        )
        cells = [
            (i, j)
            for i, row in enumerate(rows)
            for j, value in enumerate(row)
            if isinstance(value, Tensor)
        ]
        if cells:
            # stacked on the device first: one copy to the host for the whole batch of rows
            stacked = torch.stack(
                [torch.as_tensor(rows[i][j]).detach().to(torch.float64) for i, j in cells]
            )
            numbers[tuple(zip(*cells, strict=True))] = stacked.cpu().numpy()
        if batch[0][0] == "steps":
            self.fault_watch.add(numbers)
        self.alert_watch.add(batch[0][0], numbers)
        return numbers
