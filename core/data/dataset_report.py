"""Checks data before it is trained on: counts, classes, lengths and sizes, and every file that cannot be used, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from asgml.core.data.clips import Fault


@dataclass(frozen=True)
class SplitReport:
    """One split: the samples that would be trained on or tested, those its list names, those published; samples by class.

    Where the lists have no validation split, it is taken from train: 0 are listed, and train has fewer than its list. None is unknown.
    """

    samples: int
    listed: int | None
    published: int | None
    classes: tuple[int, ...]


@dataclass(frozen=True)
class Report:
    """What a check found. `faults` end a training, `odd` clips (silent ones) are trained on as they are.

    `inputs` has, by modality, what was measured of its samples; `remarks` are good to know.
    """

    name: str
    source: str
    classes: tuple[str, ...]
    splits: Mapping[str, SplitReport]
    inputs: Mapping[str, Mapping[str, Any]]
    faults: tuple[Fault, ...] = ()
    odd: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()
    quick: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fit(self) -> bool:
        """Whether a training would read every sample: no file fails, and no split is empty."""
        return not self.faults and all(part.samples for part in self.splits.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "source": self.source,
            "fit": self.fit,
            "quick": self.quick,
            "classes": list(self.classes),
            "splits": {
                name: {
                    **asdict(part),
                    "classes": dict(zip(self.classes, part.classes, strict=True)),
                }
                for name, part in self.splits.items()
            },
            "inputs": {m: dict(facts) for m, facts in self.inputs.items()},
            "faults": [_fault(one) for one in self.faults],
            "odd": [_fault(one) for one in self.odd],
            "remarks": list(self.remarks),
            "info": dict(self.info),
        }


def _fault(fault: Fault) -> dict[str, str]:
    return {"clip": fault.clip, "path": str(fault.path), "kind": fault.kind, "reason": fault.reason}
