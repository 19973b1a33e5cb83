"""The measurements of a diagnosis: accuracies by seed, alone, inside, and of the fused models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asgml.storage.format import typed
from asgml.storage.format.errors import FormatError

BySeed = Mapping[int, float]
"""Validation accuracy from 0 to 1 by seed. A seed that is missing, or NaN, has none."""


@dataclass(frozen=True)
class Measurements:
    """What the runs of a diagnosis reached on the validation split.

    `alone` and `inside`: of each modality the yardstick, a logistic regression on the frozen
    features of its encoder, trained alone or inside the joint model. `own`: the accuracy of the
    network that was trained on the modality alone. `ensemble`: of the mean prediction of these
    networks. `joint`: without balancing; `balanced`: with `method`. `chance`: the share of the most
    frequent class. `missing`: name of a run that has no result → why.
    """

    modalities: tuple[str, ...]
    seeds: tuple[int, ...]
    method: str
    alone: Mapping[str, BySeed]
    inside: Mapping[str, BySeed]
    own: Mapping[str, BySeed]
    ensemble: BySeed
    joint: BySeed
    balanced: BySeed
    inside_balanced: Mapping[str, BySeed] = field(default_factory=dict)
    chance: float = math.nan
    missing: Mapping[str, str] = field(default_factory=dict)


EACH = ("alone", "inside", "own", "inside_balanced")
FUSED = ("ensemble", "joint", "balanced")
_TYPES: dict[str, typed.Check] = {
    "modalities": typed.is_names,
    "seeds": typed.is_list_of(typed.is_count),
    "method": typed.is_text,
    **dict.fromkeys((*EACH, *FUSED, "missing"), typed.is_object),
    "chance": typed.or_none(typed.is_number),
}


def measurements_to_json(found: Measurements) -> dict[str, Any]:
    """Return the measurements as JSON values; NaN is None."""
    record = dict(vars(found))
    for name in EACH:
        record[name] = {m: _plain(values) for m, values in record[name].items()}
    record |= {name: _plain(record[name]) for name in FUSED}
    chance = None if math.isnan(found.chance) else found.chance
    return {**record, "chance": chance, "missing": dict(found.missing)}


def measurements_from_json(record: Any) -> Measurements:
    """Return the measurements of a stored diagnosis. Raise FormatError for anything else."""
    typed.refuse_other_types(record, _TYPES, _TYPES, "the diagnosis")
    each: dict[str, Any] = {
        name: {str(m): _by_seed(v) for m, v in record[name].items()} for name in EACH
    }
    fused: dict[str, Any] = {name: _by_seed(record[name]) for name in FUSED}
    chance = record["chance"]
    return Measurements(
        modalities=tuple(record["modalities"]),
        seeds=tuple(record["seeds"]),
        method=record["method"],
        chance=math.nan if chance is None else float(chance),
        missing={str(name): str(why) for name, why in record["missing"].items()},
        **each,
        **fused,
    )


def _plain(values: BySeed) -> dict[str, float | None]:
    return {str(seed): value if math.isfinite(value) else None for seed, value in values.items()}


def _by_seed(values: Any) -> dict[int, float]:
    if not isinstance(values, dict):
        raise FormatError(f"the diagnosis: expected values by seed, not {values!r:.60}")
    try:
        return {int(seed): _share(value) for seed, value in values.items()}
    except ValueError:
        raise FormatError("the diagnosis has a seed that is no number") from None


def _share(value: Any) -> float:
    """Return a number from 0 to 1, NaN for anything else."""
    return float(value) if typed.is_number(value) and 0 <= value <= 1 else math.nan
