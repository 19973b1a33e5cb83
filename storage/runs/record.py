"""A record: all that a table of runs needs to know of one run, without opening its store again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunLabels:
    """The user's own marks on a run, kept in labels.json beside run.toml; they may change."""

    title: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    archived: bool = False


@dataclass(frozen=True)
class Observed:
    """Last and best value of one recorded column; None where there is none. NaN stays NaN."""

    last: float | None
    best: float | None
    best_step: int | None
    better: str  # "high", "low", or "" where no end is better
    table: str


@dataclass(frozen=True)
class RunRecord:
    """One run of a folder.

    `name` is the path relative to the folder of runs: "boost-02", or "ablation/boost-s0" for a run
    of a plan. `chosen` is the row of `epochs` that validation chose, by column. `summary` is the
    whole record of `asgml show --json`.
    """

    path: Path
    name: str
    state: str
    settings: Mapping[str, Any]
    metrics: Mapping[str, Observed]
    chosen: Mapping[str, float]
    step: int | None = None
    epoch: int | None = None
    total_steps: int | None = None
    total_epochs: int | None = None
    started: float | None = None  # unix seconds
    updated: float | None = None  # unix seconds of the last heartbeat
    seconds: float | None = None  # of training, without pauses
    method: str = ""
    seed: int | None = None
    data: str = ""
    device: str = ""
    host: str = ""
    protocol: str | None = None
    parent: Mapping[str, Any] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    git: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    labels: RunLabels = RunLabels()
    summary: Mapping[str, Any] = field(default_factory=dict)
