"""Groups of runs: those whose settings are equal but for the seed, and what changes no number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


def group_records(records: Iterable[RunRecord]) -> list[RunGroup]:
    """Return the groups of runs, in the order in which the first run of each appears.

    Runs of different protocols are never in one group: their numbers do not compare. A run without
    settings is a group of its own, and so is a fork: it shares its beginning with its parent, and
    a mean of both would count that twice.
    """
    members: dict[tuple[str, ...], list[RunRecord]] = {}
    for record in records:
        members.setdefault(_key(record), []).append(record)
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


def _key(record: RunRecord) -> tuple[str, ...]:
    if not record.settings or record.parent:
        return ("run", str(record.path))
    return ("group", group_digest(record.settings), record.protocol or "")


def _names(groups: list[list[RunRecord]]) -> list[str]:
    """Return a name for each group, all different."""
    stems = [_stem(group) for group in groups]
    return [_told_apart(index, stems, groups) for index in range(len(groups))]


def _stem(group: list[RunRecord]) -> str:
    """Return the name that all have without seed or number; the method where that differs."""
    stems = {_SEED.sub("", record.labels.title or record.name) for record in group}
    return stems.pop() if len(stems) == 1 else group[0].method or group[0].name


def _told_apart(index: int, stems: list[str], groups: list[list[RunRecord]]) -> str:
    """Return the group's stem, with what differs from others of that stem, or a number."""
    alike = [other for other, stem in enumerate(stems) if stem == stems[index]]
    if len(alike) == 1:
        return stems[index]
    settings = {other: without(groups[other][0].settings, OF_THE_SEED) for other in alike}
    mine, others = settings[index], [settings[other] for other in alike if other != index]
    told: list[str] = []
    for key in differing(list(settings.values())):
        unlike = [each for each in others if each.get(key) == mine.get(key)]
        if len(unlike) < len(others) and len(told) < MOST_DIFFERENCES:
            told.append(f"{key.rpartition('.')[2]}={mine.get(key)}")
            others = unlike
    if others:
        told.append(f"#{alike.index(index) + 1}")
    return f"{stems[index]} ({', '.join(told)})"
