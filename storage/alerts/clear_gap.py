"""Is the gap between modalities in a row of the probes a clear one, or within its own error?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from asgml.storage.format.manifest import Manifest
from asgml.storage.read.probe_gap import ERRORS, gap_of


class ClearGap:
    """The rows of the probes of one run, asked in their order."""

    def __init__(self, manifest: Manifest, columns: Sequence[str]) -> None:
        self._manifest = manifest
        self._index = {name: index for index, name in enumerate(columns)}
        self._readings = 0

    def __call__(self, row: Sequence[float]) -> bool:
        """Return True if the next row's gap is above two standard errors, or they are unknown."""
        self._readings += 1

        def last(column: str) -> float:
            index = self._index.get(column)
            return math.nan if index is None else row[index]

        gap = gap_of(self._manifest, last, self._readings)
        return not math.isfinite(gap.error) or gap.value > ERRORS * gap.error
