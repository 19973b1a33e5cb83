"""Groups of runs: those whose settings are equal but for the seed, and what changes no number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asgml.storage.runs.columns import headings
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import OF_THE_SEED, differing, group_digest, without

_SEED = re.compile(r"[-_.]s?\d{1,6}$")
"""The end of a name that tells the runs of a group apart: `-s3` of a plan, `-03` of a series."""
MOST_DIFFERENCES = 3
"""Settings that the name of a group gives, where several groups have the same name."""


@dataclass(frozen=True)
class RunGroup:
    """The runs of one group, in the order they were given; `settings` without seed."""

    name: str
    records: tuple[RunRecord, ...]
    settings: Mapping[str, Any]

    @property
    def seeds(self) -> list[int]:
        """The seeds in ascending order; one that was trained twice stands twice."""
        return sorted(record.seed for record in self.records if record.seed is not None)


def digest_of(record: RunRecord) -> str:
    """Return the digest that the runs of one group have in common."""
    return group_digest(record.settings)


def group_records(
    records: Iterable[RunRecord], digest: Callable[[RunRecord], str] = digest_of
) -> list[RunGroup]:
    """Return the groups of runs, in the order in which the first run of each appears.

    `digest` may know the digests already: they are most of the work.

    Runs of different protocols are never in one group: their numbers do not compare. A run without
    settings is a group of its own, and so is a fork: it shares its beginning with its parent, and
    a mean of both would count that twice.
    """
    members: dict[tuple[str, ...], list[RunRecord]] = {}
    for record in records:
        members.setdefault(_key(record, digest), []).append(record)
    names = _names(list(members.values()))
    return [
        RunGroup(name, tuple(each), without(each[0].settings, OF_THE_SEED))
        for name, each in zip(names, members.values(), strict=True)
    ]


def seeds_text(seeds: Sequence[int]) -> str:
    """Return seeds as `0–4, 7`, a repeated one as `3×2`."""
    parts: list[str] = []
    runs: list[list[int]] = []
    for seed in sorted(set(seeds)):
        if runs and seed == runs[-1][-1] + 1 and seeds.count(seed) == seeds.count(runs[-1][-1]):
            runs[-1].append(seed)
        else:
            runs.append([seed])
    for run in runs:
        text = str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}"
        times = seeds.count(run[0])
        parts.append(f"{text}×{times}" if times > 1 else text)
    return ", ".join(parts)


def _key(record: RunRecord, digest: Callable[[RunRecord], str]) -> tuple[str, ...]:
    if not record.settings or record.parent:
        return ("run", str(record.path))
    return ("group", digest(record), record.protocol or "")


def _names(groups: list[list[RunRecord]]) -> list[str]:
    """Return a name for each group, all different."""
    stems = [_stem(group) for group in groups]
    alike: dict[str, list[int]] = {}
    for place, stem in enumerate(stems):
        alike.setdefault(stem, []).append(place)
    names = dict(enumerate(stems))
    for places in alike.values():
        if len(places) > 1:
            settings = [without(groups[place][0].settings, OF_THE_SEED) for place in places]
            for place, told in zip(places, _told_apart(settings), strict=True):
                names[place] = f"{stems[place]} ({', '.join(told)})"
    return list(names.values())


def _stem(group: list[RunRecord]) -> str:
    """Return the name that all have without seed or number; the method where that differs."""
    stems = {_SEED.sub("", record.labels.title or record.name) for record in group}
    return stems.pop() if len(stems) == 1 else group[0].method or group[0].name


def _told_apart(settings: list[dict[str, Any]]) -> list[list[str]]:
    """Return for each group of the same stem what differs from others of that stem, or a number.

    The groups are split by one setting after the other, so that thousands take no longer each.
    """
    told: list[list[str]] = [[] for _ in settings]
    alike = [list(range(len(settings)))]
    for key in differing(settings):
        parts: list[list[int]] = []
        for places in alike:
            split = _by_value(settings, places, key)
            if len(split) == 1 or len(told[places[0]]) == MOST_DIFFERENCES:
                parts.append(places)
                continue
            parts += split
            for place in places:
                told[place].append(f"{headings([key])[key]}={settings[place].get(key)}")
        alike = parts
    for places in alike:
        for place in places if len(places) > 1 else []:
            told[place].append(f"#{place + 1}")
    return told


def _by_value(settings: list[dict[str, Any]], places: list[int], key: str) -> list[list[int]]:
    """Return the places in groups of the same value."""
    found: dict[str, list[int]] = {}
    for place in places:
        found.setdefault(repr(settings[place].get(key)), []).append(place)
    return list(found.values())
