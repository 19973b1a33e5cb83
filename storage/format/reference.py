"""The reference of a modality: its best results alone, kept in the manifest of a joint run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from asgml.storage.format.typed import is_count, is_number

KEY = "references"
"""The entry of a manifest's `data` that holds one record for each modality with a reference."""


@dataclass(frozen=True)
class Reference:
    """The best model of a run that trained one modality alone.

    `val_accuracy` is that of the validation split, which chose the model; `test_accuracy` is NaN
    where it was not tested. `model_sha256` is the digest of its checkpoint, "" where there is none.
    """

    path: str
    step: int
    val_accuracy: float
    test_accuracy: float
    protocol: str
    model_sha256: str = ""


def references_to_json(references: Mapping[str, Reference]) -> dict[str, Any]:
    """Return the records by modality; a test accuracy that is not known is None."""
    return {
        modality: {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(reference).items()
        }
        for modality, reference in references.items()
    }


def references_of(data: Mapping[str, Any]) -> dict[str, Reference]:
    """Return the references that a manifest's `data` holds, by modality; damaged ones left out."""
    records = data.get(KEY)
    if not isinstance(records, Mapping):
        return {}
    found = {str(modality): _reference(record) for modality, record in records.items()}
    return {modality: reference for modality, reference in found.items() if reference is not None}


def _reference(record: Any) -> Reference | None:
    """Return a record as a reference, None where it is none."""
    if not isinstance(record, Mapping) or not is_count(record.get("step")):
        return None
    accuracy = _share(record.get("val_accuracy"))
    if not math.isfinite(accuracy):
        return None
    texts = {name: str(record.get(name, "")) for name in ("path", "protocol", "model_sha256")}
    test_accuracy = _share(record.get("test_accuracy"))
    return Reference(
        step=record["step"], val_accuracy=accuracy, test_accuracy=test_accuracy, **texts
    )


def _share(value: Any) -> float:
    """Return a number from 0 to 1, NaN for anything else."""
    return float(value) if is_number(value) and 0 <= value <= 1 else math.nan
