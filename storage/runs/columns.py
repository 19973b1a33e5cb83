"""The settings that become columns of a table of runs, their headings, and what is the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import NEUTRAL, OF_THE_SEED, differing, without

FIRST = ("method", "data.name", "epochs", "batch_size", "optimizer.lr")
"""Settings that stand first, in this order, whichever way."""


def differing_settings(records: Iterable[RunRecord]) -> list[str]:
    """Return the settings that differ between runs, the seed and what changes no number left out.

    Runs without settings, such as unreadable ones, do not count.
    """
    left_out = (*NEUTRAL, *OF_THE_SEED)
    keys = differing([record.settings for record in records if record.settings])
    return sorted((key for key in without(dict.fromkeys(keys), left_out)), key=_place)


def same_settings(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Return the settings of FIRST that are the same in all runs, and the protocol if it is."""
    known = [record for record in records if record.settings]
    if not known:
        return {}
    differ = set(differing([record.settings for record in known]))
    first = known[0].settings
    same = {key: first[key] for key in FIRST if key in first and key not in differ}
    protocols = {record.protocol for record in known}
    if len(protocols) == 1 and known[0].protocol:
        same["protocol"] = known[0].protocol
    return same


def headings(names: Sequence[str]) -> dict[str, str]:
    """Return a short heading of each name: its last part, or more where two share that."""
    short: dict[str, str] = {}
    for name in names:
        parts = name.split(".")
        tails = [".".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        others = [other for other in names if other != name]
        short[name] = next((tail for tail in tails if not _is_shared(tail, others)), name)
    return short


def _is_shared(tail: str, others: Iterable[str]) -> bool:
    return any(other == tail or other.endswith(f".{tail}") for other in others)


def _place(key: str) -> int:
    return FIRST.index(key) if key in FIRST else len(FIRST)
