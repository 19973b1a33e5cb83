"""The report on a data set before it is trained on: counts, measures, faults and remarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from asgml.core.data.clips.clips import Fault


@dataclass(frozen=True)
class SplitReport:
    """The samples of one split: usable ones, those in its list, published ones, and by class.

    None is unknown. Where the lists have no validation split it is taken from train: 0 are listed,
    and train has fewer samples than its list.
    """

    samples: int
    listed: int | None
    published: int | None
    classes: tuple[int, ...]

    def as_json(self, classes: tuple[str, ...]) -> dict[str, Any]:
        return {**asdict(self), "classes": dict(zip(classes, self.classes, strict=True))}


@dataclass(frozen=True)
class Report:
    """The result of checking a data set.

    `faults` end a training, `tolerated` ones (silent clips) do not. `inputs` has the measures of
    each modality's samples; `remarks` are worth knowing but no faults.
    """

    name: str
    source: str
    classes: tuple[str, ...]
    splits: Mapping[str, SplitReport]
    inputs: Mapping[str, Mapping[str, Any]]
    faults: tuple[Fault, ...] = ()
    tolerated: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()
    quick: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fit(self) -> bool:
        """True where a training would read every sample: no file fails, and no split is empty."""
        return not self.faults and all(split.samples for split in self.splits.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "source": self.source,
            "fit": self.fit,
            "quick": self.quick,
            "classes": list(self.classes),
            "splits": {name: split.as_json(self.classes) for name, split in self.splits.items()},
            "inputs": {m: dict(facts) for m, facts in self.inputs.items()},
            "faults": [_fault_as_json(fault) for fault in self.faults],
            "odd": [_fault_as_json(fault) for fault in self.tolerated],
            "remarks": list(self.remarks),
            "info": dict(self.info),
        }


def _fault_as_json(fault: Fault) -> dict[str, str]:
    return {"clip": fault.clip, "path": str(fault.path), "kind": fault.kind, "reason": fault.reason}
