"""Runs to compare: two groups of three seeds, and one run of another protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from make_run import make_run

from asgml.storage.format.layout import RunPaths

SEEDS = (0, 1, 2)


def protocol(epochs: int) -> dict[str, Any]:
    return {"digest": f"7f3a{epochs}", "data": "synthetic", "epochs": epochs, "batch_size": 64}


def make_compared(
    root: Path,
    name: str,
    seed: int,
    *,
    steps: int = 600,
    epochs: int = 2,
    protocol_epochs: int = 2,
    **settings: Any,
) -> RunPaths:
    """Write a finished run with these settings, of this protocol."""
    config = {"seed": seed, "epochs": epochs, **settings}
    data = {"name": "synthetic", "protocol": protocol(protocol_epochs)}
    facts = {"seed": seed, "config": config, "data": data, "method": str(settings.get("method"))}
    return make_run(root, steps, name=name, seed=seed + 1, nan_at=0, facts=facts)


def make_groups(root: Path) -> list[Path]:
    """Write all runs; return them in the order: baseline, boost, the other protocol."""
    found = [make_compared(root, f"baseline-s{s}", s, method="baseline") for s in SEEDS]
    boost = {"method": "boost", "boost": {"alpha": 0.5}}
    found += [make_compared(root, f"boost-s{s}", s, steps=660, **boost) for s in SEEDS]
    longer = {"epochs": 3, "protocol_epochs": 3, "method": "mlb"}
    found.append(make_compared(root, "mlb-s0", 0, steps=720, **longer))
    return [paths.root for paths in found]
