"""The settings that become columns of a table of runs, their headings, and what is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import NEUTRAL, OF_THE_SEED, differing, without

FIRST = ("method", "data.name", "epochs", "batch_size", "optimizer.lr")
"""Settings that stand first, in this order, whichever way."""

KNOWN_BY_LAST = (
    "optimizer.lr", "optimizer.momentum", "optimizer.weight_decay", "loss.label_smoothing",
)  # fmt: skip
"""Settings that everyone knows by their last part; beside them those of BARE in any section."""
BARE = ("alpha", "scale_max", "eval_freq")
LONGEST_HEADING = 18


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
    """Return a heading of each name: the name itself, or its last part where no one mistakes it.

    `eval.test` stays whole, for `test` is a metric, and so does `fusion.kind`, for a kind may be of
    anything. A long name is shortened in its middle, unless another one would look the same.
    """
    found = {name: _bare(name, names) for name in names}
    short = {name: _without_middle(heading) for name, heading in found.items()}
    alike = Counter(short.values())
    return {name: short[name] if alike[short[name]] == 1 else found[name] for name in names}


def _bare(name: str, names: Sequence[str]) -> str:
    """Return the last part of a setting that is known by it, where no other name shares it."""
    last = name.rpartition(".")[2]
    known = name in KNOWN_BY_LAST or last in BARE
    shared = any(other.rpartition(".")[2] == last for other in names if other != name)
    return last if known and not shared else name


def _without_middle(name: str) -> str:
    if len(name) <= LONGEST_HEADING:
        return name
    begin = LONGEST_HEADING // 3
    return f"{name[:begin]}…{name[begin + 1 - LONGEST_HEADING :]}"


def _place(key: str) -> int:
    return FIRST.index(key) if key in FIRST else len(FIRST)
