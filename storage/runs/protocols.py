"""Protocols of two runs: whether their numbers may be paired, and what stands in the way.

A protocol has two kinds of fields. What the number was measured on and how it was chosen (data,
splits, epochs, batches, selection) must be equal, or the numbers do not compare. The network is a
row's own: late fusion, another encoder or a modality alone is what such a row is about.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import flatten

KEY = "protocol_fields"
"""Entry of a run's summary that holds the fields of its protocol."""
MEASURED = {
    "data": "data",
    "content": "content of the data",
    "sizes": "sizes of the splits",
    "classes": "classes",
    "val": "validation split",
    "split": "split",
    "epochs": "epochs",
    "selection": "selection",
}
"""Fields that must be equal → their name in words."""
TUNED = {"batch_size": "batch size", "optimizer": "optimizer", "training": "training"}
"""Fields that must be equal but for settings that belong to the row: those it sets, or tuned."""
UNKNOWN = "protocol unknown"


@dataclass(frozen=True)
class ProtocolDifference:
    """How one protocol differs from another, in words.

    `other`: what keeps the numbers from being compared. `own`: what is the row's own.
    """

    other: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

    @property
    def comparable(self) -> bool:
        return not self.other


def protocol_difference(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], declared: Collection[str] = ()
) -> ProtocolDifference:
    """Return how two protocols differ, given their fields (`fields_of`).

    `declared`: settings that are the row's own, dotted keys such as "optimizer.lr". A run without a
    protocol compares with none, not even with another one without.
    """
    if not ours or not theirs:
        return ProtocolDifference((UNKNOWN,))
    if _differ(ours, theirs, "data"):
        return ProtocolDifference((MEASURED["data"],))  # what else differs follows from it
    other = [name for key, name in MEASURED.items() if _differ(ours, theirs, key)]
    own: list[str] = []
    for key, name in TUNED.items():
        changed = _changed(ours, theirs, key)
        if changed:
            (own if changed <= set(declared) else other).append(name)
    other += _other_inputs(ours, theirs)
    own += _own_network(ours, theirs)
    return ProtocolDifference(tuple(other), tuple(own))


def fields_of(record: RunRecord) -> Mapping[str, Any]:
    """Return the fields of a run's protocol, {} where it has none."""
    return _table(record.summary.get(KEY))


def _differ(ours: Mapping[str, Any], theirs: Mapping[str, Any], key: str) -> bool:
    return _plain(ours.get(key)) != _plain(theirs.get(key))


def _changed(ours: Mapping[str, Any], theirs: Mapping[str, Any], key: str) -> set[str]:
    """Return the settings that differ in a field, as dotted keys of a configuration."""
    both = [_settings(fields, key) for fields in (ours, theirs)]
    return {name for name in {*both[0], *both[1]} if _differ(both[0], both[1], name)}


def _settings(fields: Mapping[str, Any], key: str) -> dict[str, Any]:
    if key == "training":
        return flatten(_table(fields.get(key)))
    value = fields.get(key)
    return flatten({key: value}) if isinstance(value, Mapping) else {key: value}


def _other_inputs(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return a text for each modality that both have, and are given in another form."""
    here, there = _table(ours.get("inputs")), _table(theirs.get("inputs"))
    return [f"inputs of {m}" for m in here if m in there and _differ(here, there, m)]


def _own_network(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    here, there = _table(ours.get("network")), _table(theirs.get("network"))
    parts = {"encoder": "encoders", "freeze": "frozen encoders", "fusion": "fusion"}
    found = [name for key, name in parts.items() if _differ(here, there, key)]
    if set(_table(ours.get("inputs"))) != set(_table(theirs.get("inputs"))):
        found.append("modalities")
    return found


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
